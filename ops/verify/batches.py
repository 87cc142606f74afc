"""Which files a worker reads next: big ones first and alone, small ones by the thousand. Pure.

A batch costs a few processes, so it should hold much; near the end it should hold little, so
that all workers end together. Both follow from taking a share of what is left.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from itertools import accumulate

FILE_COST = 8 * 1024
"""Opening and closing a file takes as long as hashing so many bytes (measured: 12 us)."""

ALONE = 16 * 1024 * 1024
"""Bytes from which on a file is a batch of its own."""

MOST = 192 * 1024 * 1024
LEAST = 20 * 1024 * 1024
"""Bounds of a batch's cost, in bytes."""

MOST_NAMES = 1024 * 1024
"""Bytes of names in one batch, about."""


class Batches:
    """Files still to be read, given out batch by batch. Not for several threads at once.

    `alone` and `most` are lower than usual where the bytes a second are limited.
    """

    def __init__(self, workers: int, *, alone: int = ALONE, most: int = MOST) -> None:
        self._workers = workers
        self._alone = alone
        self._most = most
        self._big: list[tuple[int, int]] = []
        self._files = array("q")
        self._costs = array("q", [0])
        self._names = array("q", [0])
        self._at = 0
        self.complete = False
        """Whether everything was added: only then are remainders given out."""

    def add(self, files: list[int], sizes: list[int], names: list[int]) -> None:
        """Add files: their indices, their sizes, and how many bytes their names have."""
        if max(sizes, default=0) >= self._alone:
            self._add_big(files, sizes)
            small = [at for at, size in enumerate(sizes) if size < self._alone]
            files = [files[at] for at in small]
            names = [names[at] for at in small]
            sizes = [sizes[at] for at in small]
        self._files.extend(files)
        self._costs.extend(list(accumulate(sizes, _cost, initial=self._costs[-1]))[1:])
        self._names.extend(list(accumulate(names, initial=self._names[-1]))[1:])

    @property
    def left(self) -> bool:
        """Whether there is anything that was not given out."""
        return bool(self._big) or self._at < len(self._files)

    def take(self) -> list[int]:
        """Return the files of the next batch; none when there is none (yet)."""
        if self._big:
            return [heapq.heappop(self._big)[1]]
        left = self._costs[-1] - self._costs[self._at]
        if not left or (not self.complete and left < self._most // 2):
            return []
        share = left // (2 * self._workers)
        return self._take_small(min(self._most, max(min(LEAST, self._most), share)))

    def _take_small(self, cost: int) -> list[int]:
        start = self._at
        by_cost = bisect_left(self._costs, self._costs[start] + cost, start)
        by_names = bisect_left(self._names, self._names[start] + MOST_NAMES, start)
        self._at = min(max(start + 1, min(by_cost, by_names)), len(self._files))
        return self._files[start : self._at].tolist()

    def _add_big(self, files: list[int], sizes: list[int]) -> None:
        for index, size in zip(files, sizes, strict=True):
            if size >= self._alone:
                heapq.heappush(self._big, (-size, index))


def _cost(total: int, size: int) -> int:
    return total + size + FILE_COST
