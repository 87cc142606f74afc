"""What was read before: FILE.look, the memory that lets the next scan skip what lay still.

A record is four fields, each ended by NUL: path, identity (ops.verify.look.IDENTITY), MD5, and
when the content was read (seconds of our clock). The first record is the head: "#", when the
look began by the host's clock, where (host and root), and how. While a scan runs, its records
go to FILE.look.part as they come in, so that a scan that was cut off is taken up again; of
several records for a path the last counts.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ops.errors import Refused
from ops.verify import md5list

How = Literal["full", "quick"]
"""full: the scan reads everything; quick: only what changed."""

Record = tuple[bytes, bytes, bytes]
"""Identity, MD5, when."""

PATIENCE = 7 * 86400
"""Seconds after which a scan that was cut off begins anew."""

_SECONDS = re.compile(rb"[0-9]+\.[0-9]+")
_FIELDS = 4
_TICK = 0.02
_COARSE = 1.02


@dataclass(frozen=True)
class Memory:
    """The records of an earlier scan, by path."""

    records: dict[bytes, Record] = field(default_factory=dict)
    how: How = "quick"
    started: float = 0.0


def recall(path: Path, place: str) -> Memory:
    """Return what a scan of the same place left at `path`; no records when nothing is of use.

    Files that had changed only just before that scan are not among them: they may have changed
    again within the same tick of the clock, unseen.
    """
    parts = _ours(path).split(b"\0")
    whole = (len(parts) - 1) // _FIELDS * _FIELDS
    if whole < _FIELDS or parts[0] != b"#" or parts[2] != os.fsencode(place):
        return Memory()
    columns = [parts[at:whole:_FIELDS] for at in range(_FIELDS)]
    started = _seconds(parts[1])
    if started is None or not md5list.all_digests(columns[2][1:]):
        return Memory()
    records = dict(zip(columns[0], zip(*columns[1:], strict=True), strict=True))
    for name in _unsettled(columns[0], columns[1], started):
        records.pop(name, None)
    return Memory(records, "full" if parts[3] == b"full" else "quick", started)


def _ours(path: Path) -> bytes:
    """Return a file that nobody but this account can have written, else nothing.

    What it says is taken for proven, and it may lie in a folder where anybody may put files.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(number, "rb") as file:
        status = os.fstat(number)
        safe = status.st_uid == os.geteuid() and not status.st_mode & 0o022
        return file.read() if safe and stat.S_ISREG(status.st_mode) else b""


def _seconds(text: bytes) -> float | None:
    return float(text) if _SECONDS.fullmatch(text) else None


def _unsettled(paths: list[bytes], identities: list[bytes], started: float) -> list[bytes]:
    """Return the paths whose record is of no use: changed too late, or the head."""
    early, sure = b"%.10f" % (started - _COARSE), b"%.10f" % (started - _TICK)
    ctimes = [identity.rpartition(b" ")[2] for identity in identities]
    late = [(path, ctime) for path, ctime in zip(paths, ctimes, strict=True) if not ctime < early]
    coarse = b".0000000000"
    return [
        path
        for path, ctime in late
        if len(ctime) != len(sure) or ctime >= sure or ctime.endswith(coarse)
    ]


class Notes:
    """The records of a scan under way, kept in FILE.look.part; `keep` makes them FILE.look."""

    def __init__(self, path: Path, place: str, how: How) -> None:
        self._path = path
        self._part = part(path)
        self._place = place
        self._how: How = how
        self._number = -1

    def resumed(self) -> Memory:
        """Return what a scan of the same kind had noted before it was cut off."""
        memory = recall(self._part, self._place)
        fresh = memory.started > time.time() - PATIENCE
        return memory if memory.how == self._how and fresh else Memory()

    def begin(self, started: float, *, resumed: bool) -> None:
        """Open the notes, behind those that were `resumed`, else anew.

        Raise Refused while another scan keeps its notes there.
        """
        self._part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._number = os.open(self._part, flags, 0o600)
        _lock(self._number, self._part)
        if resumed:
            os.ftruncate(self._number, _whole(self._part))
        else:
            os.ftruncate(self._number, 0)
            self._write([b"#", b"%.10f" % started, os.fsencode(self._place), self._how.encode()])

    def add(
        self,
        paths: Sequence[bytes],
        identities: Sequence[bytes],
        sums: Sequence[bytes],
        when: Sequence[bytes],
    ) -> None:
        """Add the records of files that were read, or known."""
        fields = [b""] * (_FIELDS * len(paths))
        fields[0::_FIELDS], fields[1::_FIELDS] = paths, identities
        fields[2::_FIELDS], fields[3::_FIELDS] = sums, when
        self._write(fields)

    def keep(self) -> None:
        """Make the notes FILE.look, in place of the one before."""
        self._part.replace(self._path)
        self.close()  # unlocked only now: nobody goes on with what is FILE.look

    def close(self) -> None:
        """Let go of the file."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1

    def _write(self, fields: list[bytes]) -> None:
        view = memoryview(b"\0".join([*fields, b""]) if fields else b"")
        while view:
            view = view[os.write(self._number, view) :]


def _lock(number: int, path: Path) -> None:
    """Lock open notes for as long as they are open."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(number), path.stat()):
            return
    except (BlockingIOError, FileNotFoundError):
        pass  # as when another scan has just made its notes FILE.look
    raise Refused(f"{path}: another scan keeps its notes there", "Wait for its end.")


def part(path: Path) -> Path:
    """Return where the notes of a scan under way are."""
    return path.with_name(path.name + ".part")


def _whole(path: Path) -> int:
    """Return the length of the whole records in a file whose last may be cut short."""
    content = path.read_bytes()
    cut = content.count(b"\0") % _FIELDS
    end = content.rfind(b"\0") + 1
    for _ in range(cut):
        end = content.rfind(b"\0", 0, end - 1) + 1
    return end
