"""The same work on many things at once, bounded, in the end with every outcome.

A thread that hangs is left behind, never waited for: its thing is told as too slow, and the next
one gets its place. So `each` takes at most (number of things / limit, rounded up) * seconds.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from ops.remote.errors import TimedOut

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """What became of one item: a value or an error, and how long it took."""

    item: T
    value: R | None
    error: BaseException | None
    seconds: float

    @property
    def ok(self) -> bool:
        """Return whether the work was done."""
        return self.error is None


def each(
    items: Sequence[T],
    work: Callable[[T], R],
    *,
    limit: int = 16,
    seconds: float | None = None,
) -> list[Outcome[T, R]]:
    """Return the outcomes of the work on each item, in the order of the items.

    At most `limit` at once. What takes more than `seconds` from its own start on has TimedOut as
    its error; whatever the work raised is the error of its item, and stops nothing else.
    """
    return _Round(items, work, limit, seconds).outcomes()


def unfinished(outcomes: Iterable[Outcome[T, R]], name: Callable[[T], str] = str) -> list[str]:
    """Return a line for each item that was not done: its name and the error."""
    return [f"{name(each.item)}: {each.error}" for each in outcomes if each.error is not None]


class _Round(Generic[T, R]):
    def __init__(
        self, items: Sequence[T], work: Callable[[T], R], limit: int, seconds: float | None
    ) -> None:
        if limit < 1:
            raise ValueError("a fan-out needs a limit of at least 1")
        self._items = items
        self._work = work
        self._limit = limit
        self._seconds = seconds
        self._began: dict[int, float] = {}
        self._done: dict[int, Outcome[T, R]] = {}
        self._arrivals: queue.SimpleQueue[tuple[int, Outcome[T, R]]] = queue.SimpleQueue()

    def outcomes(self) -> list[Outcome[T, R]]:
        waiting = iter(range(len(self._items)))
        while len(self._done) < len(self._items):
            for at in islice(waiting, self._limit - len(self._began)):
                self._start(at)
            self._collect()
        return [self._done[at] for at in range(len(self._items))]

    def _start(self, at: int) -> None:
        self._began[at] = time.monotonic()
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._one, at), daemon=True).start()

    def _one(self, at: int) -> None:
        item, began = self._items[at], time.monotonic()
        value: R | None = None
        error: BaseException | None = None
        try:
            value = self._work(item)
        except BaseException as raised:
            error = raised
        self._arrivals.put((at, Outcome(item, value, error, time.monotonic() - began)))

    def _collect(self) -> None:
        """Take one arrival, or give up on those whose time is over; late arrivals count no more."""
        try:
            at, outcome = self._arrivals.get(timeout=self._patience())
        except queue.Empty:
            self._give_up()
            return
        if self._began.pop(at, None) is not None:
            self._done[at] = outcome

    def _patience(self) -> float | None:
        if self._seconds is None:
            return None
        return max(0.0, min(self._began.values()) + self._seconds - time.monotonic())

    def _give_up(self) -> None:
        now = time.monotonic()
        for at, began in list(self._began.items()):
            if self._seconds is not None and now - began >= self._seconds:
                error = TimedOut(f"no answer within {self._seconds:g} s")
                self._done[at] = Outcome(self._items[at], None, error, now - began)
                del self._began[at]
