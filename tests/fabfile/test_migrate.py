"""The tasks of fabfile/migrate.py, run as a person runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.migrate.fleet import Fleet, fleet
from tests.support.fabric_tree import FAB, PROJECT
from tests.support.processes import command_lines
from tests.support.waiting import wait_for


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Fleet]:
    with fleet(tmp_path) as made:
        (made.source / "page").write_bytes(b"x" * 1000)
        yield made


def _fab(here: Fleet, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [FAB, *words], env=here.environ, cwd=PROJECT, capture_output=True, text=True, check=False
    )


def test_without_a_name_all_that_are_ready_are_moved(here: Fleet) -> None:
    done = _fab(here, "migrate.metered")
    assert done.returncode == 0, done.stderr
    assert "sent 1 file, 1.0 kB" in done.stdout
    page = Path(done.stdout.rsplit("report: ", 1)[1].splitlines()[0])
    assert page.read_text().startswith("<!doctype html>")


def test_the_plan_is_shown_and_nothing_is_moved(here: Fleet) -> None:
    done = _fab(here, "migrate.metered", "wiki", "plan=true")
    assert done.returncode == 0, done.stderr
    assert "1 file, 1.0 kB" in done.stdout
    assert not here.target.exists()


def test_a_report_is_json_when_asked(here: Fleet) -> None:
    moved = json.loads(_fab(here, "migrate.metered", "app=wiki", "json=true").stdout)
    told = json.loads(_fab(here, "migrate.report", f"run={moved['run']}", "json=true").stdout)
    assert told == moved
    assert told["sent_bytes"] == 1000


def test_nothing_to_move_is_a_usage_error_with_the_reason(here: Fleet) -> None:
    state = here.repo.path / "state/wiki.yaml"
    state.write_text(state.read_text().replace("ready: true", "ready: false"))
    done = _fab(here, "migrate.metered")
    assert done.returncode == 2
    assert "is not provisioned" in done.stdout + done.stderr


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_controller_that_is_stopped_leaves_nothing_running(
    here: Fleet, stop: signal.Signals
) -> None:
    (here.source / "big").write_bytes(os.urandom(1000) * 100_000)
    words = [str(FAB), "migrate.metered", "wiki", "limit-mbit=8"]
    with subprocess.Popen(words, env=here.environ, cwd=PROJECT) as task:
        wait_for(lambda: any(here.target.glob(".ops-temp/*big*")), 120)
        task.send_signal(stop)
    wait_for(lambda: not _streams(here), 120)
    assert not (here.target / "big").exists()
    again = _fab(here, "migrate.metered", "wiki")
    assert again.returncode == 0, again.stderr
    assert (here.target / "big").read_bytes() == (here.source / "big").read_bytes()
    assert "ops-migrate" not in here.keys
    assert not list(here.target.glob(".ops*"))
    verdicts = [here.repo.record(run).verdict for run in here.repo.runs()]
    assert verdicts == ["done", "interrupted"]


def _streams(here: Fleet) -> list[str]:
    """Return the rsyncs and sshs of this fleet's transfers that still run."""
    own = (str(here.source).encode(), f"Port={here.cloud.port}".encode())
    lines = command_lines().values()
    return [line.decode() for line in lines if any(mark in line for mark in own)]


def test_a_mirror_asks_before_it_deletes(here: Fleet) -> None:
    assert _fab(here, "migrate.metered", "wiki").returncode == 0
    (here.target / "gone").write_bytes(b"")
    refused = _fab(here, "migrate.metered", "wiki", "mirror=true")
    assert refused.returncode == 3
    assert "need a yes (delete)" in refused.stderr
    assert (here.target / "gone").exists()
    assert _fab(here, "migrate.metered", "wiki", "mirror=true", "yes=true").returncode == 0
    assert not (here.target / "gone").exists()
