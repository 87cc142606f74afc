"""The lab's processes, found again."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.lab import processes


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that carries a lab's id, with a child."""
    argv = ["sh", "-c", "sleep 600 & wait"]
    with subprocess.Popen(argv, env=processes.environment("test-id")) as process:
        yield process
        processes.end(processes.family(process.pid))


def test_a_process_is_found_by_the_labs_id(sleeper: subprocess.Popen[bytes]) -> None:
    _wait(lambda: sleeper.pid in processes.tagged("test-id"))
    assert sleeper.pid not in processes.tagged("test")


def test_a_family_ends_together(sleeper: subprocess.Popen[bytes]) -> None:
    assert processes.await_program(sleeper.pid, "sh", seconds=60)
    _wait(lambda: len(processes.family(sleeper.pid)) == 2)
    family = processes.family(sleeper.pid)
    processes.end(family, seconds=60)
    assert [pid for pid in family if processes.started(pid)] == []


def test_an_id_that_came_again_is_another_process(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    processes.record(tmp_path, sleeper.pid)
    assert processes.recorded(tmp_path)[0] == sleeper.pid
    (tmp_path / "processes").write_text(f"{sleeper.pid} 1\n")
    assert processes.recorded(tmp_path) == []


def test_nothing_noted_is_nobody(tmp_path: Path) -> None:
    assert processes.recorded(tmp_path) == []


def test_this_process_has_a_start_and_none_has_none() -> None:
    assert processes.started(os.getpid()) > 0
    assert processes.started(2**22 + 1) == 0


def _wait(condition: Callable[[], bool]) -> None:
    """Wait for what a program brings about that has only just been started."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
