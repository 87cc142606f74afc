"""Which files a worker reads next: big ones first and alone, small ones by the thousand.

A batch costs a few processes, so it should hold much; near the end it should hold little, so
that all workers end together. Both follow from taking a share of what is left.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable

FILE_COST = 8 * 1024
"""Opening and closing a file takes as long as hashing so many bytes (measured: 12 us)."""

ALONE = 16 * 1024 * 1024
"""Bytes from which on a file is a batch of its own."""

MOST = 96 * 1024 * 1024
LEAST = 12 * 1024 * 1024
"""Bounds of a batch's cost, in bytes."""

MOST_NAMES = 1024 * 1024
"""Bytes of names in one batch."""


class Batches:
    """Files still to be read, given out batch by batch. Not for several threads at once."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._big: list[tuple[int, int]] = []
        self._small: deque[tuple[int, int, int]] = deque()
        self._left = 0
        self.complete = False
        """Whether everything was added: only then are remainders given out."""

    def add(self, files: Iterable[tuple[int, int, int]]) -> None:
        """Add files as (index, size, bytes of its name)."""
        for index, size, name in files:
            if size >= ALONE:
                heapq.heappush(self._big, (-size, index))
            else:
                self._small.append((index, size + FILE_COST, name + 1))
                self._left += size + FILE_COST

    @property
    def left(self) -> bool:
        """Whether there is anything that was not given out."""
        return bool(self._big or self._small)

    def take(self) -> list[int]:
        """Return the files of the next batch; none when there is none (yet)."""
        if self._big:
            return [heapq.heappop(self._big)[1]]
        if not self.complete and self._left < MOST:
            return []
        return self._take_small(min(MOST, max(LEAST, self._left // (2 * self._workers))))

    def _take_small(self, cost: int) -> list[int]:
        batch: list[int] = []
        names = 0
        while self._small and cost > 0 and names < MOST_NAMES:
            index, own, name = self._small.popleft()
            batch.append(index)
            cost -= own
            self._left -= own
            names += name
        return batch
