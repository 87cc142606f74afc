"""When more streams pay: the number grows while the rate rises with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ops.migrate.engine.shards import streams_needed

LIMIT = 16
"""Connections at the most."""

FIRST = 4
"""Connections that are opened before anything was measured: each takes several round trips."""

STEP = 4

GAIN = 1.25
"""What the rate has to rise to at least for the last step to have paid."""

INTERVAL = 3.0
"""Seconds between two looks: tens of round trips, so that new streams have their speed."""

FULL = 0.85
"""Load of all processors of an end above which more streams bring nothing."""

PATIENCE = 10
"""Looks without a gain after which one more step is tried all the same."""


@dataclass
class Growth:
    """The number of connections, as decided from the total rate seen at each look."""

    streams: int = FIRST
    limit: int = LIMIT
    round_trip: float = 0.0
    best: float = 0.0
    """The highest rate seen, in bytes a second."""
    _time: float = 0.0
    _bytes: int = 0
    _idle: int = 0

    def begin(self, rate: float, round_trip: float) -> int:
        """Return how many connections a link of this probed rate is to begin with.

        As many as the windows of its channels need. Where the first ones were full, so that the
        link may carry more than they could show, one step more; never fewer than are open.
        """
        self.round_trip = round_trip
        needed = streams_needed(rate, round_trip) if rate else 0
        if needed >= FIRST:
            self.streams = min(self.limit, max(self.streams, needed + STEP))
        return self.streams

    def look(self, now: float, moved: int, load: float = 0.0) -> int:
        """Return how many connections there are to be, `moved` bytes having arrived by `now`.

        There are no more of them while the busier end has a `load` above FULL.
        """
        if now - self._time < INTERVAL:
            return self.streams
        if not self._bytes:
            self._time, self._bytes = now, moved
            return self.streams
        rate = (moved - self._bytes) / (now - self._time)
        self._time, self._bytes = now, moved
        before, self.best = self.best, max(self.best, rate)
        if load > FULL:
            return self.streams
        if rate > before * GAIN:
            self._idle = 0
            return self._grown()
        self._idle += 1
        if self._idle >= PATIENCE:
            self._idle = 0
            return self._grown()
        return self.streams

    def start(self, now: float) -> None:
        """Begin to measure now."""
        self._time = now

    def _grown(self) -> int:
        needed = streams_needed(self.best, self.round_trip)
        self.streams = min(self.limit, max(self.streams, needed) + STEP)
        return self.streams
