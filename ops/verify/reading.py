"""The reading of files on a host: batches go in, checksums come out, all cores busy."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice

from ops.errors import OpsError
from ops.remote.command import Command
from ops.remote.host import Host
from ops.verify.answers import Answer, Batch, answer
from ops.verify.batches import ALONE, MOST, Batches

BEAT = 4.0
"""Seconds between two signs of life for the host."""

PATIENCE = 2.0
"""Seconds that the last words to a host may take."""

_TIMED_OUT = 124
"""How `timeout` says that it ended a command."""

TICK = 1.0
"""Seconds after which somebody who waits for a host hears that nothing came."""

SLACK = 60.0
SLOWEST = 1e6
"""A batch is overdue after so many seconds and its size at so many bytes a second."""

_STOP = b"stop"
_END = b"\0\0\0"


class OutOfTime(OpsError):
    """A reading was given so much time, and needs more; what it read is noted."""


class Reading:
    """A running script of read.sh; batches may be given by several threads, answers read by one.

    Use it as a context manager: leaving it ends the script. The host itself ends it after
    `seconds` (0: never).
    """

    def __init__(
        self,
        host: Host,
        root: str | bytes,
        *,
        workers: int,
        nice: int,
        rate: int = 0,
        seconds: int = 0,
        as_root: bool,
    ):
        self._host = host
        self._seconds = seconds
        self._rate = rate
        self._lock = threading.Lock()
        self._batches: dict[int, Batch] = {}
        self._begun: dict[int, float] = {}
        self._count = 0
        self._finished = False
        self.nice = nice
        self.workers = 0
        """How many files are read side by side; known after `wait_ready`."""
        text = files("ops.verify").joinpath("read.sh").read_text("utf-8")
        nicely = ("nice", "-n", str(nice)) if nice else ()
        words = ("sh", "-c", text, "ops", root, str(workers), str(nice))
        self._command = Command(("timeout", str(seconds), *nicely, *words), root=as_root)
        self._start()

    def _start(self) -> None:
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._fed = threading.Event()
        self._buffer = bytearray()
        self._ended = False
        self._searched = 0
        self._escaped = False
        self._program = self._host.start(self._command, feed=self._feed(self._queue, self._fed))

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
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

    def give(self, batch: Batch, *, again: bool = False) -> None:
        """Send a batch to the host; `again` after it was overdue: then its time is limited."""
        limit = int(self._allowed(batch)) + 1 if again else 0
        with self._lock:
            self._count += 1
            self._batches[self._count] = batch
            self._mark_begun()
            self._queue.put(batch.frame(self._count, self._pace(batch), limit))

    def _mark_begun(self) -> None:
        """Note when the batches began that are being read by now: the first, one a worker."""
        for number in islice(self._batches, self.workers):
            self._begun.setdefault(number, time.monotonic())

    def _allowed(self, batch: Batch) -> float:
        """Return the seconds that a batch may take before somebody looks what it is about."""
        share = self._rate / self.workers / 2 if self._rate else SLOWEST
        return SLACK + batch.size / min(SLOWEST, share)

    def overdue(self) -> list[Batch]:
        """Return the batches that take too long; each is given as much time again."""
        now = time.monotonic()
        with self._lock:
            late = [
                number
                for number, begun in self._begun.items()
                if now - begun > self._allowed(self._batches[number])
            ]
            self._begun.update(dict.fromkeys(late, now))
            return [self._batches[number] for number in late]

    def wake(self) -> None:
        """Have the host see whether a worker was killed: it breaks off then."""
        self._queue.put(b"wake\n")

    def restart(self) -> list[Batch]:
        """End all reading, begin anew, and return the batches that have no answer."""
        self._stop()
        with self._lock:
            left = list(self._batches.values())
            self._batches.clear()
            self._begun.clear()
        self._start()
        self.wait_ready()
        return left

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

    def answers(self) -> Iterator[Answer | None]:
        """Yield answers as they come, until the script ends; None when for a TICK nothing came.

        Raise OpsError if it broke off.
        """
        while (chunk := self._program.read(TICK)) != b"":
            if chunk is None:
                yield None
            else:
                self._buffer += chunk
            while (answer := self._cut()) is not None:
                yield answer
            self._end_when_answered()
        code = self._program.wait()
        if code or not self._ended:
            raise self._broken_off(code)

    def _broken_off(self, code: int) -> OpsError:
        if self._seconds and code == _TIMED_OUT:
            return OutOfTime(
                f"{self._host.name}: reading was ended after {self._seconds} s",
                "The next run goes on where this one stopped.",
            )
        said = self._program.err.decode("utf-8", "backslashreplace").strip()
        return OpsError(
            f"{self._host.name}: reading broke off: {said or f'the script ended with {code}'}",
            "Run the task again: it goes on where this one stopped.",
        )

    def _feed(
        self, frames: queue.SimpleQueue[bytes | None], fed: threading.Event
    ) -> Iterator[bytes]:
        try:
            yield from self._frames(frames)
        finally:
            fed.set()

    @staticmethod
    def _frames(frames: queue.SimpleQueue[bytes | None]) -> Iterator[bytes]:
        due = time.monotonic() + BEAT
        while True:
            try:
                frame = frames.get(timeout=max(0.0, due - time.monotonic()))
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
        with self._lock:
            batch = self._batches.pop(number)
            self._begun.pop(number, None)
            self._mark_begun()
        return answer(batch, body, escaped=self._escaped)
