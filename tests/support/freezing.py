"""Frozen file systems as tests see them, and writers that hold a freeze up."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ops.remote.command import Command
from ops.remote.host import Host, Result


def watchdog(run: str) -> Path:
    return Path(f"/run/ops-freeze.{run}")


def sleeps(run: str, seconds: float) -> int:
    """Return the number of the watchdog's sleep of so many seconds, waiting for it."""
    pid = watchdog(run).read_text().strip()
    words = f"sleep\0{seconds}\0".encode()
    until = time.monotonic() + 60
    while True:
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(FileNotFoundError, ProcessLookupError):
                if Path(f"/proc/{child}/cmdline").read_bytes() == words:
                    return int(child)
        assert time.monotonic() < until, f"{pid} does not sleep for {seconds} s"
        time.sleep(0.01)


def let_pass(run: str, limit: int) -> None:
    """Let the watchdog's limit be over now, which it sleeps through: no test waits so long."""
    os.kill(sleeps(run, limit), signal.SIGKILL)


def unhurried(host: Host) -> Host:
    """Let commands on the host take longer than the file systems stay frozen."""
    run = host.run

    def patiently(command: Command, **given: Any) -> Result:
        return run(command, **{**given, "timeout": 120})

    host.run = patiently  # type: ignore[method-assign] # this host alone, of any kind
    return host


def is_frozen(mount: Path) -> bool:
    """Return whether the file system is frozen, by trying to freeze it, which thaws nothing.

    A watchdog that thaws just then may thaw what this froze: then nothing is left to thaw here.
    """
    tried = _fsfreeze("-f", mount)
    if tried.returncode:
        assert "Device or resource busy" in tried.stderr, tried.stderr
        return True
    thawed = _fsfreeze("-u", mount)
    assert thawed.returncode == 0 or "Invalid argument" in thawed.stderr, thawed.stderr
    return False


def _fsfreeze(way: str, mount: Path) -> subprocess.CompletedProcess[str]:
    words = ["fsfreeze", way, str(mount)]
    # said in C, as in _WATCHDOG
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(words, check=False, capture_output=True, text=True, env=environment)


@contextmanager
def writing(mount: Path) -> Iterator[Callable[[], None]]:
    """Give what ends a write to the file system that holds it against a freeze until then."""
    reader, writer = os.pipe()
    to = os.open(mount / "long", os.O_WRONLY | os.O_CREAT)
    thread = threading.Thread(target=lambda: os.splice(reader, to, 4096))
    thread.start()

    def end() -> None:
        nonlocal writer
        if writer >= 0:
            os.close(writer)
            writer = -1

    try:
        _await_call(thread, reader, to)
        yield end
    finally:
        end()
        thread.join()
        os.close(reader)
        os.close(to)


def _await_call(thread: threading.Thread, *descriptors: int) -> None:
    """Wait until the thread is in a system call on these: only then it holds up a freeze."""
    task = Path(f"/proc/self/task/{thread.native_id}/syscall")
    until = time.monotonic() + 60
    while not {hex(one) for one in descriptors} <= set(task.read_text().split()):
        assert time.monotonic() < until, task.read_text()
        time.sleep(0.01)


def gone(path: Path, seconds: float = 60) -> bool:
    """Return whether there is no such path, waiting for it at most so long."""
    end = time.monotonic() + seconds
    while path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return not path.exists()
