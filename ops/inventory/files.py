"""Files that are there as a whole or not at all, whenever the machine stops."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.errors import OpsError

TEMPORARY = ".ops-tmp"
"""How the names of half-written files end; .gitignore of an inventory leaves them out."""


def write(path: Path, content: bytes | bytearray, mode: int = 0o644) -> None:
    """Make `content` the content of `path`, durably, or leave the old file as it was.

    Folders that are missing are made. The half-written file has a fixed name beside the
    path, so that whoever comes after a crash finds it (`leftover`) or writes over it.
    """
    make_folder(path.parent)
    beside = leftover(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    number = os.open(beside, flags, mode)  # a link there would lead to a file of others
    with os.fdopen(number, "wb") as file, named(path):
        os.fchmod(number, mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let an OSError of the block that names no file, as of a full disk, name `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def expanded(path: str) -> Path:
    """Return `path` with `~` or `~NAME` as that account's home. Raise OpsError without one."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise OpsError(f"{path}: that account has no home", "Write the whole path.") from None


def leftover(path: Path) -> Path:
    """Return the name that `path` has while it is being written."""
    return path.with_name(f".{path.name}{TEMPORARY}")


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make the folder `path` and those above it, durably; those that exist stay as they are."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode, exist_ok=True)
    sync_folder(path.parent)


def move(path: Path, to: Path) -> None:
    """Rename `path` to `to`, durably; nothing happens when `path` is gone already."""
    make_folder(to.parent)
    try:
        path.replace(to)
    except FileNotFoundError:
        return
    sync_folder(to.parent)
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove the file `path` durably, if there is one."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make what was created, renamed or removed in `path` durable."""
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
