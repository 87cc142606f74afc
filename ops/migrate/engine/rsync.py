"""rsync as it is called, and what it says: words, progress, totals and complaints.

Options, beyond -aHAX --numeric-ids that keep all metadata: -S makes runs of zeros holes, so
sparse files stay sparse; --partial-dir keeps what arrived of a broken file; --temp-dir puts
files that are being written into one folder at the target's root, so that nothing unfinished
lies between the data even after SIGKILL; --timeout ends a side whose other side fell silent.
The source may have such a folder of its own, having been a target: it is left out. Nothing is
ever deleted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PARTIAL = ".ops-partial"
"""Folder beside a broken file that holds its part; gone when the file is whole."""

TEMPORARY = ".ops-temp"
"""Folder at the target's root for files that are being written; gone after each run."""

SILENCE = 60
"""Seconds of silence after which rsync gives up the other side."""

_KEEP = ("-aHAXS", "--numeric-ids")
_SAY = ("--no-human-readable", "--info=progress2", "--stats")

_PROGRESS = re.compile(
    rb"\s*(?P<bytes>[\d,]+)\s+\d+%\s+\S+B/s\s+\d+:\d\d:\d\d"
    rb"(?:\s+\(xfr#(?P<sent>\d+), (?:ir|to)-chk=(?P<left>\d+)/(?P<total>\d+)\))?\s*\Z"
)
_TOTALS = {
    "entries": rb"Number of files: ([\d,]+)",
    "files": rb"Number of files: .*\breg: ([\d,]+)",
    "sent_files": rb"Number of regular files transferred: ([\d,]+)",
    "bytes": rb"Total file size: ([\d,]+)",
    "sent_bytes": rb"Total transferred file size: ([\d,]+)",
    "literal": rb"Literal data: ([\d,]+)",
    "wire": rb"Total bytes sent: ([\d,]+)",
}
_COMPLAINT = re.compile(
    rb"rsync: (?:\[\w+\] )?(?P<action>[^\"]*?)\(?\"(?P<path>.*)\"\)?[^\"]*?"
    rb": (?P<reason>[^\":]*) \((?P<number>\d+)\)\Z"
)
NO_WAY = "could not make way"
"""Why an entry was not moved for which a folder with something in it had to go."""

_BARE_COMPLAINTS = (
    re.compile(rb"(?P<reason>could not make way) for [\w ]+: (?P<path>.*)\Z"),
    re.compile(rb"ERROR: (?P<path>.*) (?P<reason>failed verification) -- .*\Z"),
)
_VANISHED = re.compile(rb'(?:file|directory) has vanished: "(?P<path>.*)"\Z')
_ESCAPE = re.compile(rb"\\#([0-3][0-7]{2})")
_TEMPORARY_NAME = re.compile(
    rb"(?P<folder>(?:.*/)?)\.?(?P<name>[^/]+)\.[A-Za-z0-9]{6}\Z", re.DOTALL
)


@dataclass(frozen=True)
class Progress:
    """How far a transfer is: bytes of files handled, files sent, entries looked at of those known.

    In the middle of a file rsync tells the bytes only; the counts are None then.
    """

    bytes: int
    sent: int | None = None
    left: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Totals:
    """What rsync counted: all of the set, and what had to be sent of it.

    `bytes` are sizes of files, `literal` the part of their content that was sent as such,
    `wire` all that rsync wrote to the connection. Hard links count in each of their names
    among `files`, but only once in what was sent.
    """

    entries: int = 0
    files: int = 0
    bytes: int = 0
    sent_files: int = 0
    sent_bytes: int = 0
    literal: int = 0
    wire: int = 0


@dataclass(frozen=True)
class Failure:
    """One entry that was not moved, and why; `number` is the errno."""

    path: bytes
    action: str
    reason: str
    number: int


@dataclass(frozen=True)
class Complaints:
    """What rsync said on standard error: entries that failed, that vanished, and the rest."""

    failed: tuple[Failure, ...] = ()
    vanished: tuple[bytes, ...] = ()
    other: tuple[str, ...] = ()


class Output:
    """rsync's standard output as it comes in, in chunks of any size."""

    def __init__(self) -> None:
        self._rest = b""
        self._text: list[bytes] = []
        self.sent = 0
        self.bytes = 0

    def feed(self, chunk: bytes) -> None:
        """Take in the next chunk; `bytes` and `sent` are then what the last progress told."""
        *lines, self._rest = re.split(rb"[\r\n]", self._rest + chunk)
        for line in lines:
            if not self._reached(progress_of(line)):
                self._text.append(line)
        self._reached(progress_of(self._rest))  # a line of progress begins with its CR

    def totals(self) -> Totals:
        """Return the totals that were printed at the end; zeros where rsync did not get there."""
        return totals(b"\n".join([*self._text, self._rest]))

    def _reached(self, progress: Progress | None) -> bool:
        if progress is not None:
            self.bytes = max(self.bytes, progress.bytes)
            self.sent = max(self.sent, progress.sent or 0)
        return progress is not None


def send(
    root: str,
    ssh: Sequence[str],
    excludes: Sequence[str],
    *,
    cross_mounts: bool,
    limit_mbit: int = 0,
    listed: bool = False,
) -> list[str]:
    """Return the words that move what is below `root` to the host that `ssh` leads to.

    `ssh` are the program and its options, up to the host, which is called `target`; they
    hold neither blanks nor quotes. `excludes` are filter arguments. `limit_mbit` caps the
    rate in Mbit/s, 0 does not. With `listed` only the entries that standard input names, each
    ended by a NUL byte, are looked at. The far side decides into which folder it writes: it is
    asked for `./`.
    """
    return [
        "rsync",
        *_KEEP,
        *_scope(cross_mounts),
        *_SAY,
        f"--partial-dir={PARTIAL}",
        *([] if cross_mounts else [f"--temp-dir={TEMPORARY}"]),
        *([f"--bwlimit={limit_mbit * 125}KB"] if limit_mbit else []),
        f"--timeout={SILENCE}",
        *(["--files-from=-", "--from0", "--ignore-missing-args"] if listed else []),
        f"--exclude=/{TEMPORARY}",
        *excludes,
        "-e",
        " ".join(ssh),
        "--",
        _content(root),
        "target:./",
    ]


def count(root: str, nowhere: str, excludes: Sequence[str], *, cross_mounts: bool) -> list[str]:
    """Return the words that count what `send` would move to an empty target, and do nothing.

    `nowhere` is a path that does not exist.
    """
    words = ["rsync", "-naH", *_scope(cross_mounts), "--no-human-readable", "--stats"]
    return [*words, f"--exclude=/{TEMPORARY}", *excludes, "--", _content(root), f"{nowhere}/"]


def progress_of(line: bytes) -> Progress | None:
    """Return the progress that a line of `--info=progress2` tells, None for any other line."""
    found = _PROGRESS.match(line)
    if found is None:
        return None
    counts = {name: found[name] for name in ("sent", "left", "total")}
    return Progress(
        _integer(found["bytes"]),
        **{name: None if value is None else int(value) for name, value in counts.items()},
    )


def totals(text: bytes) -> Totals:
    """Return the totals that `--stats` printed; a line that is missing counts as 0."""
    found = {name: re.search(rb"^" + line, text, re.MULTILINE) for name, line in _TOTALS.items()}
    return Totals(**{name: _integer(match[1]) if match else 0 for name, match in found.items()})


def complaints(text: bytes) -> Complaints:
    """Return what rsync said on standard error, each entry once.

    Names come back as the bytes they are: rsync writes what is not printable as `\\#ooo`. A
    temporary file that could not be made stands for the file it was to become; where that
    lies is not known (`.../NAME`) when all temporary files lie in one folder.
    """
    failed: dict[bytes, Failure] = {}
    vanished: dict[bytes, None] = {}
    other: dict[str, None] = {}
    for line in filter(None, text.splitlines()):
        if gone := _VANISHED.match(line):
            vanished[name(gone["path"])] = None
        elif failure := _failure(line):
            failed.setdefault(failure.path, failure)
        else:
            other[line.decode("utf-8", "backslashreplace")] = None
    return Complaints(tuple(failed.values()), tuple(vanished), tuple(other))


def name(shown: bytes) -> bytes:
    """Return the bytes of a name that rsync wrote with its escapes."""
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), shown)


def _failure(line: bytes) -> Failure | None:
    for bare in _BARE_COMPLAINTS:
        if found := bare.match(line):
            return Failure(name(found["path"]), "", found["reason"].decode(), 0)
    if found := _COMPLAINT.match(line):
        action, reason = (found[part].decode("utf-8", "replace") for part in ("action", "reason"))
        path = _meant(action, name(found["path"]))
        return Failure(path, action.strip(), reason, int(found["number"]))
    return None


def _meant(action: str, path: bytes) -> bytes:
    """Return the entry that a complaint is about: rsync names others beside it, or instead."""
    if "xattr" in action:
        return path.rsplit(b'","', 1)[0]
    if "rename" in action:
        return path.rsplit(b'" -> "', 1)[-1]
    if "mkstemp" in action and (found := _TEMPORARY_NAME.match(path)):
        folder = found["folder"].removesuffix(os.fsencode(f"{TEMPORARY}/"))
        return (folder if folder == found["folder"] else b".../") + found["name"]
    return path


def _scope(cross_mounts: bool) -> Iterator[str]:
    if not cross_mounts:
        yield "--one-file-system"


def _content(root: str) -> str:
    return root if root.endswith("/") else f"{root}/"


def _integer(digits: bytes) -> int:
    return int(digits.replace(b",", b""))
