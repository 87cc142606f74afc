"""Entries of ops/lab/content.py written below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ops.lab.content import Entry, data


@dataclass(frozen=True)
class Planted:
    """What was written: files (hard links not counted again) and their bytes."""

    files: int
    bytes: int


def plant(root: Path, entries: Iterable[Entry], *, owners: bool = True) -> Planted:
    """Write the entries below `root` and return what they came to.

    The folder of an entry comes before it, or is there. `owners=False` leaves every owner as
    it is, for who is not root. Folders get their times last: writing into them changes these.
    """
    base = os.fsencode(root)
    folders: list[Entry] = []
    files = total = 0
    for entry in entries:
        path = os.path.join(base, entry.path)  # noqa: PTH118 - bytes
        if entry.kind == "folder":
            os.makedirs(path, exist_ok=True)  # noqa: PTH103 - bytes
            folders.append(entry)
            continue
        _make(base, path, entry)
        if entry.kind == "file":
            files, total = files + 1, total + entry.size
            _settle(path, entry, owners=owners)
    for folder in reversed(folders):
        _settle(os.path.join(base, folder.path), folder, owners=owners)  # noqa: PTH118 - bytes
    return Planted(files, total)


def _settle(path: bytes, entry: Entry, *, owners: bool) -> None:
    """Give a file or folder its owner, mode and time, in the order in which they last."""
    if owners:
        os.chown(path, entry.owner, entry.owner)
    os.chmod(path, entry.mode)  # noqa: PTH101 - bytes
    os.utime(path, (entry.mtime, entry.mtime))


def _make(base: bytes, path: bytes, entry: Entry) -> None:
    if entry.kind == "symlink":
        os.symlink(entry.target, path)  # noqa: PTH211 - bytes
        os.utime(path, (entry.mtime, entry.mtime), follow_symlinks=False)
    elif entry.kind == "hardlink":
        os.link(os.path.join(base, entry.target), path)  # noqa: PTH118 - bytes
    else:
        with open(path, "xb") as file:  # noqa: PTH123 - bytes
            file.writelines(data(entry))
