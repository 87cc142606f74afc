"""The lab's processes: each carries the lab's id in its environment, and is found by it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

TAG = "OPS_LAB_ID"
"""Environment variable of every process that a lab starts on this machine."""


def environment(lab_id: str) -> dict[str, str]:
    """Return the environment for a process of the lab."""
    return {**os.environ, TAG: lab_id}


def tagged(lab_id: str) -> list[int]:
    """Return the ids of this machine's processes that carry the lab's id, but not our own."""
    word = f"{TAG}={lab_id}".encode()
    return [pid for pid in everyone() if pid != os.getpid() and word in _environ(pid)]


def everyone() -> list[int]:
    """Return the ids of all processes."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def started(pid: int) -> int:
    """Return a process's start in clock ticks since boot; 0 when there is none such, or a zombie.

    Id and start together name one process for good: ids come again.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def children(pid: int) -> list[int]:
    """Return the ids of a process's children."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it, parents first."""
    return [pid, *(member for child in children(pid) for member in family(child))]


def end(pids: Iterable[int], *, seconds: float = 30) -> None:
    """Kill processes and wait until they are gone, or `seconds` are over."""
    alive = {(pid, started(pid)) for pid in pids}
    until = time.monotonic() + seconds
    for pid, _ in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while time.monotonic() < until and any(at and started(pid) == at for pid, at in alive):
        time.sleep(0.02)


def await_program(pid: int, name: str, *, seconds: float = 20) -> bool:
    """Wait until the process runs this program (a booting host's 1 becomes systemd)."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and started(pid):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                return True
        time.sleep(0.02)
    return False


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def record(folder: Path, pid: int) -> None:
    """Note a process whose environment will not show the lab's id (sshd overwrites it)."""
    with (folder / "processes").open("a") as file:
        file.write(f"{pid} {started(pid)}\n")


def recorded(folder: Path) -> list[int]:
    """Return the noted processes that still run, with all that descend from them."""
    path = folder / "processes"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    pairs = [tuple(int(word) for word in line.split()) for line in lines]
    alive = [pid for pid, at in pairs if at and started(pid) == at]
    return [member for pid in alive for member in family(pid)]
