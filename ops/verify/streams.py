"""Two sorted lists of lines walked side by side, in blocks that end at the same path.

All work on single lines is done by list and set operations over whole blocks, so that a
million lines take about a second and only blocks are in memory.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ops.errors import OpsError
from ops.verify.md5list import BadLine, Unsorted

BLOCK = 128 * 1024
"""Bytes read at a time."""

Keys = Callable[[list[bytes]], list[bytes]]
"""Returns the paths of lines, all of them valid. Raise BadLine otherwise."""


class Lines:
    """The lines of one sorted file, and the paths that stand in them, as a window that moves on."""

    def __init__(self, path: Path, file: BinaryIO, keys: Keys, head: bytes = b"") -> None:
        self.path = path
        self._file = file
        self._keys = keys
        self._rest = b""
        self._number = 0
        self._before: list[bytes] = []  # the last path before the window, if any
        self.lines: list[bytes] = []
        self.keys: list[bytes] = []
        self.more = True
        if head:
            self._skip(head)

    def fill(self) -> None:
        """Read on if the window is empty."""
        while self.more and not self.lines:
            chunk = self._file.read(BLOCK)
            self.more = bool(chunk)
            lines = (self._rest + chunk).split(b"\n")
            self._rest = lines.pop() if chunk else b""
            if not chunk and lines and not lines[-1]:
                lines.pop()
            self._add(lines)

    def take(self, last: bytes | None) -> list[bytes]:
        """Cut off and return the lines up to the path `last`; None means all."""
        count = len(self.lines) if last is None else bisect_right(self.keys, last)
        taken, self.lines = self.lines[:count], self.lines[count:]
        self._before, self.keys = self.keys[count - 1 : count], self.keys[count:]
        self._number += count
        return taken

    def _add(self, lines: list[bytes]) -> None:
        self.lines = lines
        self.keys = self._checked(lines)
        ordered = self._before + self.keys
        rising = list(map(operator.lt, ordered, islice(ordered, 1, None)))
        if not all(rising):
            number = self._number + 2 + rising.index(False) - len(self._before)
            raise Unsorted("a path out of order, or twice", self.path, number)

    def _checked(self, lines: list[bytes]) -> list[bytes]:
        try:
            return self._keys(lines)
        except BadLine:
            for number, line in enumerate(lines, self._number + 1):
                try:
                    self._keys([line])
                except BadLine as error:
                    raise damaged(self.path, number, error) from None
            raise

    def _skip(self, head: bytes) -> None:
        if self._file.readline() != head:
            raise damaged(self.path, 1, BadLine(f"it must be {head.decode().strip()}"))
        self._number = 1


def damaged(path: Path, number: int, error: BadLine) -> OpsError:
    """Return the error for a line of a manifest that is none."""
    return OpsError(f"{path}:{number}: {error}", "The manifest is damaged: make it again.")


def blocks(left: Lines, right: Lines) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Yield blocks of lines that belong to the same range of paths. Raise Unsorted, OpsError."""
    while True:
        left.fill()
        right.fill()
        if not left.lines and not right.lines:
            return
        ends = [side.keys[-1] for side in (left, right) if side.lines]
        last = min(ends) if left.lines and right.lines else None
        if last is None:
            yield left.take(None), right.take(None)
        else:
            yield left.take(last), right.take(last)
