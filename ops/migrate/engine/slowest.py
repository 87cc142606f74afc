"""Which big files took longest, as their ranges tell. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from ops.escapes import escape
from ops.migrate.engine.shards import Big, Range, Task


@dataclass
class Slowest:
    """When the ranges of big files began and ended; a lane begins one when the last has ended."""

    _lanes: dict[str, float] = field(default_factory=dict)
    _spans: dict[Big, tuple[float, float]] = field(default_factory=dict)

    def ended(self, lane: str, task: Task, now: float) -> None:
        """Take note that a lane's task has ended now."""
        began = self._lanes.get(lane, now)
        self._lanes[lane] = now
        if isinstance(task, Range):
            before = self._spans.get(task.big, (began, now))
            self._spans[task.big] = min(before[0], began), now

    def began(self, lanes: list[str], now: float) -> None:
        """Take note that these lanes are at something, those that nobody knew as of now."""
        for lane in lanes:
            self._lanes.setdefault(lane, now)

    def told(self, count: int = 10) -> tuple[tuple[str, int, float], ...]:
        """Return (path, bytes, seconds) of the files that took longest, the longest first."""
        taken = {big: round(end - began, 2) for big, (began, end) in self._spans.items()}
        slow = sorted(taken, key=lambda big: -taken[big])[:count]
        return tuple((escape(big.path), big.size, taken[big]) for big in slow)
