"""What runs and what has ended, asked of the kernel."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path


def state(pid: int) -> str:
    """Return the process's state in one letter, as ps does; nothing where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid: int) -> bool:
    """Return whether the process runs (a zombie does not)."""
    return state(pid) not in ("Z", "")


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


def command_lines() -> dict[int, bytes]:
    """Return the words of each process, each ended by a NUL; nothing of one that ends meanwhile."""
    return _read("cmdline")


def environments() -> dict[int, bytes]:
    """Return the settings of each process that we may look at, each ended by a NUL."""
    return _read("environ")


def signal_ssh(port: int, number: signal.Signals) -> None:
    """Send the signal to each ssh that leads to this port, as transfers start them."""
    for pid, line in command_lines().items():
        words = line.split(b"\0")
        if words[0] == b"ssh" and f"Port={port}".encode() in words:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _has(setting: bytes) -> bool:
    return any(setting in told.split(b"\0") for told in environments().values())


def _read(file: str) -> dict[int, bytes]:
    found = {}
    for path in Path("/proc").glob(f"[0-9]*/{file}"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            found[int(path.parent.name)] = path.read_bytes()
    return found
