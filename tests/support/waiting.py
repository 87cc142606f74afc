"""Waiting for what comes about sooner or later, and a clock for what is to be late."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return once the condition is true; fail when it was not within so many seconds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"it did not come about within {seconds:g} s"
        time.sleep(0.02)


class Clock:
    """A clock that only sleep moves on, and at once."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
