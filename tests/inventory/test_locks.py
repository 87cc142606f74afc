"""Locks: one waits for the repository, is refused at the component, and death frees both."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from ops.errors import OpsError, Refused
from ops.inventory import locks
from ops.inventory.locks import Holder, component_lock, held, must_be_idle, repository_lock

HOLDER = Holder("provision", "R1", 4711, "2026-11-22T17:00:00Z")


def test_a_second_task_is_refused_and_told_who_is_at_work(tmp_path: Path) -> None:
    with (
        component_lock(tmp_path, "wiki", HOLDER),
        pytest.raises(Refused, match=r"wiki: provision \(run R1, process 4711\) since 2026-11-22"),
        component_lock(tmp_path, "wiki", HOLDER),
    ):
        pass


def test_who_has_patience_is_told_for_whom_it_waits_and_gets_the_lock(tmp_path: Path) -> None:
    first, said = ExitStack(), []
    first.enter_context(component_lock(tmp_path, "wiki", HOLDER))

    def waiting(words: str) -> None:
        said.append(words)
        first.close()

    with component_lock(tmp_path, "wiki", HOLDER, patience=30, waiting=waiting):
        pass
    assert said == ["waits for provision (run R1, process 4711) since 2026-11-22T17:00:00Z"]
    with (
        component_lock(tmp_path, "wiki", HOLDER),
        pytest.raises(Refused, match="is at work"),
        component_lock(tmp_path, "wiki", HOLDER, patience=0.1),
    ):
        pass


def test_who_only_looks_at_a_lock_keeps_nobody_from_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a status or a plan does, asked for at the moment when a nightly backup begins."""
    with component_lock(tmp_path, "wiki", HOLDER):
        pass
    looked_at = (tmp_path / "locks" / "component-wiki.lock").open()
    fcntl.flock(looked_at, fcntl.LOCK_SH)
    assert not held(Path(looked_at.name))
    must_be_idle(tmp_path, "wiki")
    # the look is over while who works waits for it: however slow this machine is
    pause = SimpleNamespace(sleep=lambda _: looked_at.close(), monotonic=time.monotonic)
    monkeypatch.setattr(locks, "time", pause)
    with component_lock(tmp_path, "wiki", HOLDER):
        assert looked_at.closed


def test_other_components_are_free(tmp_path: Path) -> None:
    with component_lock(tmp_path, "wiki", HOLDER), component_lock(tmp_path, "lists", HOLDER):
        pass


def test_the_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="oops"), component_lock(tmp_path, "wiki", HOLDER):
        raise ValueError("oops")
    with component_lock(tmp_path, "wiki", HOLDER):
        pass


def test_a_killed_process_frees_its_lock(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, ops.inventory.locks as l\n"
        "with l.component_lock(pathlib.Path(sys.argv[1]), 'wiki', l.Holder('t', 'r', 1, 's')):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None and child.stdout.readline() == b"held\n"
        with pytest.raises(Refused), component_lock(tmp_path, "wiki", HOLDER):
            pass
        child.kill()
    with component_lock(tmp_path, "wiki", HOLDER):
        pass


def test_one_waits_for_the_repository(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with repository_lock(tmp_path):
            order.append("second")

    with repository_lock(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_waiting_for_the_repository_ends(tmp_path: Path) -> None:
    with (
        repository_lock(tmp_path),
        pytest.raises(OpsError, match="locked for too long"),
        repository_lock(tmp_path, patience=0.05),
    ):
        pass
