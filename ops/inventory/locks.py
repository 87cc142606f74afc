"""Two locks, both flock(2): the kernel frees them when their process dies, however it dies.

The repository lock is held for milliseconds, while files are written and committed; one
waits for it. The component lock is held for a whole run; a second task is refused.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.errors import OpsError, Refused
from ops.inventory import files

PATIENCE = 60.0
"""Seconds that one waits for the repository lock before something must be wrong."""

_LOOKS = 10
"""Tries, 5 ms apart, before a lock counts as held: who only looks at it shares it meanwhile."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock; `since` is a moment in ISO 8601."""

    task: str
    run: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"{self.task} (run {self.run}, process {self.pid}) since {self.since}"


@contextmanager
def repository_lock(var: Path, patience: float = PATIENCE) -> Iterator[int]:
    """Hold the lock of the repository that `var` belongs to; give the lock's file number.

    A child process that inherits the number keeps the lock as long as it lives. Raise
    OpsError when it is not free within `patience` seconds.
    """
    number = _open(var / "locks" / "repository.lock")
    try:
        _wait(number, time.monotonic() + patience)
        yield number
    finally:
        os.close(number)


@contextmanager
def component_lock(
    var: Path,
    component: str,
    holder: Holder,
    *,
    patience: float = 0,
    waiting: Callable[[str], None] = lambda _: None,
) -> Iterator[None]:
    """Hold the lock of `component`, with `holder` written in it.

    Raise Refused when it is held, and still is after `patience` seconds; `waiting` hears once
    for whom one waits.
    """
    path = _of(var, component)
    number = _open(path)
    try:
        if not _free(number, path, patience, waiting):
            raise _busy(path, component)
        with files.named(path):
            _write(number, json.dumps(asdict(holder)).encode())
        yield
        _write(number, b"")
    finally:
        os.close(number)


def must_be_idle(var: Path, component: str) -> None:
    """Do nothing when no task is at work on `component`. Raise Refused, naming it, otherwise.

    What a task at work has done by half looks like a fault to whoever plans meanwhile.
    """
    path = _of(var, component)
    try:
        if held(path):
            raise _busy(path, component)
    except (FileNotFoundError, PermissionError):  # never taken, or another account's to take
        return


def held(path: Path) -> bool:
    """Return whether a process holds the lock of the file `path`. Raise OSError without one.

    The look itself shares the lock for microseconds: two who look don't see each other.
    """
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


def _free(number: int, path: Path, patience: float, waiting: Callable[[str], None]) -> bool:
    """Return whether a component's lock could be taken in time."""
    until = time.monotonic() + patience
    if _taken_from_lookers(number):
        return True
    if patience:
        waiting(f"waits for {held_by(path) or 'another task'}")
    while time.monotonic() < until:
        time.sleep(min(1.0, patience))
        if taken(number):
            return True
    return False


def held_by(path: Path) -> Holder | None:
    """Return who wrote their name into the lock file `path`; None when nobody did."""
    try:
        return Holder(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def taken(number: int) -> bool:
    """Return whether the lock of the open file `number` could be taken at once."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken_from_lookers(number: int) -> bool:
    """Return whether the lock could be taken, tried for longer than a look (`held`) takes."""
    for _ in range(_LOOKS):
        if taken(number):
            return True
        time.sleep(0.005)
    return taken(number)


def _of(var: Path, component: str) -> Path:
    return var / "locks" / f"component-{component}.lock"


def _busy(path: Path, component: str) -> Refused:
    return Refused(
        f"{component}: {held_by(path) or 'another task'} is at work",
        "Wait until it has ended, or stop it; then run the task again.",
    )


def _open(path: Path) -> int:
    files.make_folder(path.parent, 0o700)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _wait(number: int, until: float) -> None:
    while not taken(number):
        if time.monotonic() > until:
            raise OpsError(
                "the inventory repo has been locked for too long",
                "Some task hangs while it writes: look at it with `fuser -v var/locks/*`.",
            )
        time.sleep(0.01)


def _write(number: int, content: bytes) -> None:
    os.ftruncate(number, 0)
    os.pwrite(number, content, 0)
