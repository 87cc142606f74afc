"""The samples of a run's meter, told to a progress bar while there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from ops.migrate.engine.samples import Sample

PHASES = ("transfer", "verify")
"""Phases of a data set that take long, and in which bytes are counted."""


class Bar(Protocol):
    """What progress is told to."""

    def begin(self, phase: str, total_bytes: int | None, total_files: int | None) -> None:
        """Hear what is done from now on, and how much there is to come in all; None: unknown."""

    def at(self, bytes: int, files: int = 0) -> None:
        """Hear that so much is done."""


Bars = Callable[[str], AbstractContextManager[Bar]]
"""Shows progress in a block, given a name."""


class Shown:
    """Tells each sample to the bar of the block that is under way."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._bar: Bar | None = None
        self._aim: tuple[str, int | None, int | None] | None = None

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Show the progress of `name` in the block."""
        with self._bars(name) as bar:
            self._bar = bar
            try:
                yield
            finally:
                self._bar = self._aim = None

    def tell(self, sample: Sample) -> None:
        """Tell a sample."""
        bar = self._bar
        if bar is None or sample.phase not in PHASES:
            return
        aim = (sample.phase, sample.total_bytes, sample.total_files)
        if aim != self._aim:
            self._aim = aim
            bar.begin(*aim)
        bar.at(sample.bytes, sample.files)
