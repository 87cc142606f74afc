"""How far long work is: a bar on a terminal, a plain line every so often without one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ops import quantities
from ops.cli.output import say_aside

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

EVERY = 10.0
"""Seconds between two plain lines."""


@dataclass(frozen=True)
class Total:
    """What is to be done in all; None where nobody knows."""

    bytes: int | None = None
    files: int | None = None


class Bar(Protocol):
    """What work reports to."""

    def begin(self, phase: str, total_bytes: int | None, total_files: int | None) -> None:
        """Say what is done from now on, and how much there is to do in all; None: unknown."""

    def at(self, bytes: int, files: int = 0) -> None:
        """Say that so much is done since the start."""


@contextmanager
def bar(
    name: str, *, total_bytes: int | None = None, total_files: int | None = None
) -> Iterator[Bar]:
    """Show the progress of `name` within the block, on standard error."""
    total = Total(total_bytes, total_files)
    if sys.stderr is not None and sys.stderr.isatty():
        with _drawn(name, total) as drawn:
            yield drawn
    else:
        plain = Lines(name, total, time.monotonic())
        yield plain
        plain.end()


class Lines:
    """Progress as plain lines, one each EVERY seconds and one at the end of long work."""

    def __init__(self, name: str, total: Total, start: float) -> None:
        self._name = self._shown = name
        self._total = total
        self._start = self._last = start
        self._done = (0, 0)

    def begin(self, phase: str, total_bytes: int | None, total_files: int | None) -> None:
        """Say what is done from now on, and how much there is to do in all."""
        self._shown = f"{self._name}, {phase}"
        self._total = Total(total_bytes, total_files)

    def at(self, bytes: int, files: int = 0) -> None:
        """Say that so much is done since the start."""
        self._done = (bytes, files)
        now = time.monotonic()
        if now - self._last >= EVERY:
            self._last = now
            say_aside(line(self._shown, *self._done, self._total, now - self._start))

    def end(self) -> None:
        """Say how it ended, if anything was said before."""
        if self._last > self._start:
            seconds = time.monotonic() - self._start
            say_aside(line(self._shown, *self._done, self._total, seconds))


def line(name: str, bytes: int, files: int, total: Total, seconds: float) -> str:
    """Return one line of progress: bytes, files, rate and the time left, as far as known."""
    parts = [_of(bytes, quantities.size, total.bytes)]
    if files or total.files:
        parts.append(f"{_of(files, quantities.number, total.files)} files")
    parts.append(quantities.rate(bytes, seconds))
    left = remaining(bytes, total.bytes, seconds)
    if left is not None:
        parts.append(f"{quantities.span(left)} left")
    return f"{name}: {', '.join(parts)}"


def remaining(done: int, total: int | None, seconds: float) -> float | None:
    """Return the seconds left at the mean rate so far; None when nobody can know."""
    if not total or done <= 0 or done >= total:
        return None
    return seconds * (total - done) / done


def _of(done: int, shown: Callable[[int], str], total: int | None) -> str:
    """Return what is done, of how much: an estimate that was passed is none any more."""
    return f"{shown(done)} of {shown(total)}" if total and done <= total else shown(done)


class _Drawn:
    def __init__(self, progress: Progress, task: TaskID, name: str, total: Total) -> None:
        self._progress = progress
        self._task = task
        self._name = name
        self._total = total

    def begin(self, phase: str, total_bytes: int | None, total_files: int | None) -> None:
        self._total = Total(total_bytes, total_files)
        words = f"{self._name}, {phase}"
        self._progress.update(self._task, description=words, total=total_bytes or None)

    def at(self, bytes: int, files: int = 0) -> None:
        counted = _of(files, quantities.number, self._total.files)
        shown = f"{counted} files" if files or self._total.files else ""
        if bytes > (self._total.bytes or bytes):  # an estimate that was too low: raised by steps,
            self._total = replace(self._total, bytes=bytes * 5 // 4)  # as each forgets the rate
            self._progress.update(self._task, total=self._total.bytes)
        self._progress.update(self._task, completed=bytes, files=shown)


@contextmanager
def _drawn(name: str, total: Total) -> Iterator[Bar]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[files]}", markup=False),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=total.bytes, files="")
        yield _Drawn(progress, task, name, total)
