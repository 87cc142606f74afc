"""Whether a process still runs, asked of the kernel."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path


def alive(pid: int) -> bool:
    """Return whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int, seconds: float = 60) -> bool:
    """Return whether the process has ended, waiting for it at most so long."""
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


def none_has(setting: str, seconds: float = 60) -> bool:
    """Return whether no process has the setting (NAME=value) in its environment, waiting for it.

    So a test finds all that it started, also what was ended before it could tell its number.
    """
    end = time.monotonic() + seconds
    while _has(os.fsencode(setting)) and time.monotonic() < end:
        time.sleep(0.02)
    return not _has(os.fsencode(setting))


def _has(setting: bytes) -> bool:
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if setting in environ.read_bytes().split(b"\0"):
                return True
    return False
