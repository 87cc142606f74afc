"""Frozen file systems as tests see them, and writers that hold a freeze up."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def watchdog(run: str) -> Path:
    return Path(f"/run/ops-freeze.{run}")


def is_frozen(mount: Path) -> bool:
    """Return whether the file system is frozen, by trying to freeze it, which thaws nothing."""
    tried = subprocess.run(["fsfreeze", "-f", str(mount)], check=False, capture_output=True)
    if tried.returncode == 0:
        subprocess.run(["fsfreeze", "-u", str(mount)], check=True)
    return tried.returncode != 0


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
        yield end
    finally:
        end()
        thread.join()
        os.close(reader)
        os.close(to)


def gone(path: Path, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return not path.exists()
