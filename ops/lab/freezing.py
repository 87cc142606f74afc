"""Frozen file systems: a writer to one can't even be killed, so thaw before ending a host."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable

from ops.lab import mounts

_FITHAW = 0xC0045878
"""linux/fs.h: _IOWR('X', 120, int)."""

_LOOP_MAJOR = 7


def thaw(pids: Iterable[int]) -> None:
    """Thaw every loop device's file system that one of the processes sees; not frozen is fine."""
    for place in {place for pid in pids for place in _volumes(pid)}:
        with contextlib.suppress(OSError):
            folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.ioctl(folder, _FITHAW, 0)
            finally:
                os.close(folder)


def _volumes(pid: int) -> list[str]:
    """Return the mount points of loop devices, as this machine reaches them through /proc."""
    seen = [mount.place for mount in mounts.seen_by(pid) if mount.major == _LOOP_MAJOR]
    return [f"/proc/{pid}/root{place}" for place in seen]
