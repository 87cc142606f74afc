"""What of an application no data set covers. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ops.verify.folders import above


@dataclass(frozen=True)
class Uncovered:
    """A file, or a folder with all below it, that belongs to no data set."""

    path: bytes
    files: int
    bytes: int


def uncovered(
    folder: bytes, entries: Iterable[tuple[bytes, int]], roots: Iterable[bytes]
) -> list[Uncovered]:
    """Return what lies below `folder` but below none of `roots`, the topmost of each only.

    `entries` are (path below the folder, bytes), paths as `./a/b`, bytes -1 for what is no
    file. All of `folder` covered: nothing. A folder in which nothing is covered counts whole.
    """
    covered = [root.rstrip(b"/") or b"/" for root in roots]
    if any(_within(folder, root) for root in covered):
        return []
    holding = {held for root in covered if _within(root, folder) for held in above(root)}
    found: dict[bytes, tuple[int, int]] = {}
    for path, size in entries:
        full = folder.rstrip(b"/") + path[1:]
        if size < 0 or any(_within(full, root) for root in covered):
            continue
        top = _topmost(full, folder, holding)
        files, total = found.get(top, (0, 0))
        found[top] = files + 1, total + size
    return [Uncovered(path, *counts) for path, counts in sorted(found.items())]


def _topmost(path: bytes, folder: bytes, holding: set[bytes]) -> bytes:
    """Return the highest folder above `path` in which nothing is covered, or the path itself."""
    top = path
    for higher in above(path):
        if higher in holding or not _within(higher, folder) or higher == folder:
            break
        top = higher
    return top


def _within(path: bytes, root: bytes) -> bool:
    return path == root or path.startswith(root.rstrip(b"/") + b"/")
