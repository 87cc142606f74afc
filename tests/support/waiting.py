"""Waiting for what comes about sooner or later, and a clock for what is to be late."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 60) -> T:
    """Return what the condition gives once that is true; fail if it is not within so long."""
    until = time.monotonic() + seconds
    while not (given := condition()):
        assert time.monotonic() < until, f"it has not come about within {seconds:g} s"
        time.sleep(0.05)
    return given


class Clock:
    """A clock that only sleep moves on, and at once."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
