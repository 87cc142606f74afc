"""What a scan is asked to look at, and who hears of its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ops.inventory.patterns import Excludes

Progress = Callable[[int, int], None]
"""Hears how many bytes and files are done."""


def unheard(_bytes: int, _files: int) -> None:
    """Do nothing with the progress."""


@dataclass(frozen=True)
class Tree:
    """What to scan: all below `root`, but what `exclude` says.

    `mount` is what the root must lie on, `cross` enters other file systems below it.
    """

    root: str
    exclude: tuple[str, ...] = ()
    mount: str = ""
    cross: bool = False
    as_root: bool = True


def excluded(patterns: tuple[str, ...]) -> Callable[[bytes, bool], bool] | None:
    """Return what says of a path below the root, and whether it is a folder, if it is left out."""
    if not patterns:
        return None
    excludes = Excludes(patterns)
    return lambda path, folder: excludes.hold(path, folder=folder)
