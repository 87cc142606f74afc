"""The reading of files on a host: batches go in, checksums come out, all cores busy."""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from ops.errors import OpsError
from ops.remote.command import Command
from ops.remote.host import Host
from ops.verify import md5list
from ops.verify.batches import ALONE, MOST, Batches

BEAT = 4.0
"""Seconds between two signs of life for the host."""

PATIENCE = 2.0
"""Seconds that the last words to a host may take."""

_STOP = b"stop"
_END = b"\0\0\0"


@dataclass(frozen=True)
class Batch:
    """Files that one worker reads in turn; `look` is the digest of what was seen of them."""

    files: Sequence[int]
    names: list[bytes]
    look: bytes
    size: int = 0

    def frame(self, number: int, pace: bytes = b"0") -> bytes:
        """Return the batch as the script on the host takes it; `pace` as read.sh explains."""
        names = b"\0".join(self.names) + b"\0"
        return b"batch %d %d %b\n" % (number, len(names), pace) + names


@dataclass(frozen=True)
class Answer:
    """What came back of a batch: a digest for each file, None for one not read to its end.

    `calm` says whether all files looked the same after reading as before.
    """

    batch: Batch
    digests: list[bytes | None]
    calm: bool
    code: int
    errors: bytes = field(repr=False)


class Reading:
    """A running script of read.sh; batches may be given by several threads, answers read by one.

    Use it as a context manager: leaving it ends the script.
    """

    def __init__(
        self,
        host: Host,
        root: str | bytes,
        *,
        workers: int,
        nice: int,
        rate: int = 0,
        as_root: bool,
    ):
        self._host = host
        self._rate = rate
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._fed = threading.Event()
        self._lock = threading.Lock()
        self._batches: dict[int, Batch] = {}
        self._count = 0
        self._buffer = bytearray()
        self._finished = self._ended = False
        self._searched = 0
        self._escaped = False
        self.workers = 0
        """How many files are read side by side; known after `wait_ready`."""
        text = files("ops.verify").joinpath("read.sh").read_text("utf-8")
        argv = ("timeout", "0", "sh", "-c", text, "ops", root, str(workers), str(nice))
        self._program = host.start(Command(argv, root=as_root), feed=self._feed())

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(_STOP)
        self._fed.wait(PATIENCE)  # or the feed might write to what its number is given next
        self._program.end()

    @property
    def waiting(self) -> int:
        """How many batches have no answer yet."""
        return len(self._batches)

    def batches(self) -> Batches:
        """Return an empty store of batches that suits the host and its limit."""
        if not self._rate:
            return Batches(self.workers)
        share = max(1, self._rate // self.workers)
        return Batches(self.workers, alone=min(ALONE, share), most=min(MOST, share))

    def give(self, batch: Batch) -> None:
        """Send a batch to the host."""
        self._count += 1
        self._batches[self._count] = batch
        self._queue.put(batch.frame(self._count, self._pace(batch)))

    def _pace(self, batch: Batch) -> bytes:
        """Return how a worker is slowed down: the pause, and for a big file its slices.

        A worker then reads its share of the rate or a little less, however fast the disk is.
        """
        if not self._rate:
            return b"0"
        share = max(1, self._rate // self.workers)
        if len(batch.names) > 1 or batch.size <= share:
            return b"%.2f" % (batch.size / share)
        return b"1 %d %d" % (share, -(-batch.size // share))

    def finish(self) -> None:
        """Say that no more batches come."""
        self._finished = True
        self._end_when_answered()

    def _end_when_answered(self) -> None:
        """Let the host end once nothing is under way; until then it watches for our signs of life.

        A host that knows of its end early would read on for nobody when we are killed.
        """
        with self._lock:
            if self._finished and not self._batches and not self._ended:
                self._ended = True
                self._queue.put(None)

    def wait_ready(self) -> None:
        """Wait until the host takes batches. Raise OpsError when it can't."""
        while b"\n" not in self._buffer:
            chunk = self._program.read()
            if not chunk:
                raise self._broken_off(self._program.wait())
            self._buffer += chunk
        first, _, rest = bytes(self._buffer).partition(b"\n")
        _, zero, workers = first.split()
        self._escaped, self.workers = zero == b"n", int(workers)
        self._buffer = bytearray(rest)

    def answers(self) -> Iterator[Answer]:
        """Yield answers as they come, until the script ends. Raise OpsError if it broke off."""
        while chunk := self._program.read():
            self._buffer += chunk
            while (answer := self._cut()) is not None:
                yield answer
            self._end_when_answered()
        code = self._program.wait()
        if code or not self._ended:
            raise self._broken_off(code)

    def _broken_off(self, code: int) -> OpsError:
        said = self._program.err.decode("utf-8", "backslashreplace").strip()
        return OpsError(
            f"{self._host.name}: reading broke off: {said or f'the script ended with {code}'}",
            "Run the task again: it goes on where this one stopped.",
        )

    def _feed(self) -> Iterator[bytes]:
        try:
            yield from self._frames()
        finally:
            self._fed.set()

    def _frames(self) -> Iterator[bytes]:
        due = time.monotonic() + BEAT
        while True:
            try:
                frame = self._queue.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                due = time.monotonic() + BEAT
                yield b"beat\n"
                continue
            if frame is _STOP:
                return
            if frame is None:
                yield b"end\n"
                return
            yield frame

    def _cut(self) -> Answer | None:
        """Take one whole answer off the buffer; None when there is none."""
        buffer = self._buffer
        found = buffer.find(_END, self._searched)
        line = buffer.find(b"\n", found) if found >= 0 else -1
        if line < 0:
            self._searched = found if found >= 0 else max(0, len(buffer) - len(_END))
            return None
        end = buffer.rfind(_END, found, line)  # a torn answer may end with NULs of its own
        number, body = int(buffer[end + len(_END) : line]), bytes(buffer[:end])
        del buffer[: line + 1]
        self._searched = 0
        return answer(self._batches.pop(number), body, escaped=self._escaped)


def answer(batch: Batch, told: bytes, *, escaped: bool) -> Answer:
    """Return what the host `told` of the batch: sums, NUL, exit code, NUL, look, LF, errors.

    A sum counts only when its record is whole, its name was asked for, and either md5sum
    ended well or says which others it could not read; a doubtful batch has no digests at all.
    """
    nothing: list[bytes | None] = [None] * len(batch.names)
    parts = told.rsplit(b"\0", 2)
    if len(parts) != 3 or not parts[1].isdigit():
        return Answer(batch, nothing, False, 1, b"")
    look, _, errors = parts[2].partition(b"\n")
    calm, code = look.startswith(batch.look), int(parts[1])
    records = _unescaped(parts[0]) if escaped else parts[0].split(b"\0")
    records.pop()
    if len(records) == len(batch.names) and not code:
        if [record[34:] for record in records] == batch.names:
            return Answer(batch, [record[:32] for record in records], calm, code, errors)
        return Answer(batch, nothing, calm, code, errors)
    known = {record[34:]: record[:32] for record in records if len(record) > 34}
    digests = [known.get(name) for name in batch.names]
    doubtful = (None in digests) != bool(code)
    return Answer(batch, nothing if doubtful else digests, calm, code, errors)


def _unescaped(text: bytes) -> list[bytes]:
    return [
        b"%b  %b" % (record[1:33], md5list.unescape(record[35:])) if record[:1] == b"\\" else record
        for record in text.split(b"\n")
    ]


def look_digest(identities: list[bytes]) -> bytes:
    """Return the hex MD5 of the lines that a second look at unchanged files gives."""
    text = b"\n".join(identities) + b"\n" if identities else b""
    return hashlib.md5(text, usedforsecurity=False).hexdigest().encode()
