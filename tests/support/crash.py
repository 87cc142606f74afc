"""A process that dies at a chosen file operation, as a machine does that loses its power."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_OPERATIONS = (
    *("open", "write", "pwrite", "fsync", "ftruncate"),
    *("replace", "rename", "unlink", "mkdir", "rmdir"),
)
DIED, ENDED = 99, 0


@dataclass
class Death:
    """Counts file operations and kills this process at number `at`, before it happens.

    Starting a program counts twice: the process dies before, or just after it began, when
    the program is killed with it.
    """

    at: int
    count: int = 0

    def comes(self) -> bool:
        """Count one more; return whether it is the last."""
        self.count += 1
        return self.count == self.at

    def wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return `original`, deadly when its number comes."""

        def operation(*args: Any, **kwargs: Any) -> Any:
            if self.comes():
                os._exit(DIED)
            return original(*args, **kwargs)

        return operation

    def popen(self, original: Callable[..., None]) -> Callable[..., None]:
        """Return Popen's __init__, deadly before and right after the start."""

        def start(process: subprocess.Popen[bytes], *args: Any, **kwargs: Any) -> None:
            if self.comes():
                os._exit(DIED)
            original(process, *args, **kwargs)
            if self.comes():
                os.kill(process.pid, signal.SIGKILL)
                os._exit(DIED)

        return start


def dies(work: Callable[[Callable[[str], object]], None], at: int) -> tuple[bool, list[str]]:
    """Do `work` in a process that dies at operation `at`; return whether it died, and its words.

    `work` gets a function that tells us how far it came.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _die_in(work, at, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read().split()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (DIED, ENDED), code
    return code == DIED, told


def _die_in(work: Callable[[Callable[[str], object]], None], at: int, pipe: int) -> None:
    code = 1
    try:
        with _deadly(Death(at)) as write:
            work(lambda word: write(pipe, f"{word}\n".encode()))
        code = ENDED
    finally:
        os._exit(code)


@contextmanager
def _deadly(death: Death) -> Iterator[Callable[[int, bytes], int]]:
    write = os.write
    for name in _OPERATIONS:
        setattr(os, name, death.wrap(getattr(os, name)))
    subprocess.Popen.__init__ = death.popen(subprocess.Popen.__init__)  # type: ignore[method-assign] # every process is to pass it
    yield write
