"""The folders above a path. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice


def upwards(path: bytes) -> Iterator[bytes]:
    """Yield a path and the folders above it, the nearest first."""
    while path:
        yield path
        path = path.rpartition(b"/")[0]


def above(path: bytes) -> Iterator[bytes]:
    """Yield the folders above a path, the nearest first."""
    return islice(upwards(path), 1, None)
