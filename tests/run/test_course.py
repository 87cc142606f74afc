"""Runs: journalled as they happen, recorded at their end, whatever the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops import run
from ops.errors import Incomplete, Interrupted, OpsError, Refused, UsageError
from ops.inventory import files, journal, recovery
from ops.inventory.problems import Broken
from ops.inventory.records import Record
from ops.inventory.repository import Repository
from ops.inventory.schema import State
from ops.plan import Plan, Step
from tests.support.inventories import PROJECT, SAMPLE, edit

PLAN = Plan("provision", "wiki", (Step("volume.create", "data", "create data"),))


def newest(repo: Repository) -> Record:
    return repo.record(next(repo.runs()))


def clock() -> Iterator[datetime]:
    moment = datetime(2026, 11, 22, 17, tzinfo=UTC)
    while True:
        yield moment
        moment += timedelta(seconds=1)


def test_a_plan_is_carried_out_and_recorded_in_one_signed_commit(repo: Repository) -> None:
    with run.begin(repo, "provision", "wiki", {"app": "wiki"}) as r:
        r.carry_out(PLAN, {"volume.create": lambda step: {"id": f"vol-{step.subject}"}})
        r.figure("bytes", 12)
    record = newest(repo)
    assert (record.run, record.verdict, record.plan) == (r.id, "done", PLAN.digest)
    assert record.steps[0].facts == {"id": "vol-data"} and record.figures == {"bytes": 12}
    assert repo.git.run("log", "-1", "--format=%s") == "provision wiki: done\n"
    assert repo.git.run("status", "--porcelain") == "" and repo.verify_signature(r.id)


def test_clock_and_ids_are_the_callers(repo: Repository) -> None:
    times = clock()
    with run.begin(repo, "reserve", clock=lambda: next(times), ids=lambda: "1") as r:
        pass
    assert r.id == "20261122T170000.000Z_reserve__1"
    assert (repo.path / "runs" / "2026" / "11" / f"{r.id}.yaml").exists()


def test_a_state_is_kept_with_the_step_that_made_it(repo: Repository) -> None:
    def fold(state: State, step: Step, facts: Mapping[str, object]) -> State:
        return state.model_copy(update={"phase": facts["phase"]})

    with pytest.raises(ValueError, match="boom"), run.begin(repo, "provision", "wiki") as r:
        r.carry_out(PLAN, {"volume.create": lambda _: {"phase": "provisioned"}}, fold=fold)
        raise ValueError("boom")
    assert repo.state("wiki").phase == "provisioned"
    assert repo.state("wiki").runs == {"provision": r.id}


def test_an_observed_state_is_committed_with_the_record(repo: Repository) -> None:
    with run.begin(repo, "verify", "wiki") as r:
        r.observe(r.state.model_copy(update={"phase": "verified"}))
        r.verdict = "same"
    assert repo.state("wiki").phase == "verified" and newest(repo).verdict == "same"


@pytest.mark.parametrize(
    ("error", "verdict", "words"),
    [
        (OpsError("no room", "make some"), "failed", "no room"),
        (Incomplete("two files left"), "incomplete", "two files left"),
        (ValueError("a bug"), "failed", "ValueError: a bug"),
        (KeyboardInterrupt(), "interrupted", "KeyboardInterrupt: "),
        (Interrupted("stopped"), "interrupted", "stopped"),
    ],
)
def test_an_error_is_recorded_and_raised_again(
    repo: Repository, error: BaseException, verdict: str, words: str
) -> None:
    def fail(step: Step) -> None:
        raise error

    with pytest.raises(type(error)), run.begin(repo, "provision", "wiki") as r:
        r.carry_out(PLAN, {"volume.create": fail})
    record = newest(repo)
    assert (record.verdict, record.error, record.steps[0].error) == (verdict, words, words)
    unfinished = repo.unfinished("wiki")
    assert unfinished is not None and unfinished.run == r.id


def test_a_step_that_nobody_performs_stops_the_plan_before_it_begins(repo: Repository) -> None:
    with (
        pytest.raises(OpsError, match=r"nobody performs volume\.create"),
        run.begin(repo, "provision", "wiki") as r,
    ):
        r.carry_out(PLAN, {})
    assert newest(repo).steps == []


def test_each_step_is_told_before_it_begins(repo: Repository) -> None:
    told: list[str] = []
    with run.begin(repo, "provision", "wiki") as r:
        r.carry_out(
            PLAN,
            {"volume.create": lambda _: told.append("did")},
            tell=lambda s: told.append(s.words),
        )
    assert told == ["create data", "did"]


def test_files_of_a_run_are_checked_by_sha256sum(repo: Repository) -> None:
    with run.begin(repo, "verify", "wiki") as r:
        (r.directory / "manifest").write_text("./a\n")
        r.attach(r.directory / "manifest")
    sums = next(repo.path.glob("runs/*/*/*.sha256"))
    subprocess.run(["sha256sum", "--quiet", "-c", sums], cwd=repo.path, check=True)
    (repo.run_folder(r.id) / "manifest").write_text("./b\n")
    with pytest.raises(OpsError, match="was changed after run"):
        repo.verify_signature(r.id)


def test_a_second_task_on_the_component_is_refused_and_leaves_nothing(repo: Repository) -> None:
    with run.begin(repo, "provision", "wiki") as r:
        with pytest.raises(Refused, match=f"provision .run {r.id}, process {os.getpid()}"):
            _begin(repo, "wiki")
        _begin(repo, "lists")
    assert sorted(name.split("_")[2] for name in repo.runs()) == ["lists", "wiki"]


def test_a_run_under_way_is_no_crash(repo: Repository) -> None:
    with run.begin(repo, "provision", "wiki"):
        assert run.recover(repo) == []


def test_a_killed_run_is_recorded_by_the_next_task(repo: Repository) -> None:
    program = (
        "import sys, os, signal, pathlib\n"
        "from ops import run; from ops.inventory.repository import Repository\n"
        "from ops.plan import Step\n"
        "def work(step):\n"
        "    r.remember(id='vol-1'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "with run.begin(Repository(*map(pathlib.Path, sys.argv[1:])), 'provision', 'wiki') as r:\n"
        "    r.perform(Step('volume.create', 'data', 'create data'), work)\n"
    )
    words = [sys.executable, "-c", program, str(repo.path), str(PROJECT)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    _begin(repo, "lists")
    found = repo.unfinished("wiki", "provision")
    assert found is not None and found.verdict == "interrupted"
    assert found.steps[0].facts == {"id": "vol-1"} and found.steps[0].finished is None


def test_a_crash_before_the_first_line_was_no_run(repo: Repository) -> None:
    path = repo.var / "journal" / "R1.jsonl"
    path.parent.mkdir()
    path.write_bytes(b'{"event":"beg')
    assert run.recover(repo) == [] and not path.exists()
    assert journal.orphans(path.parent) == []


@pytest.mark.parametrize("fault", ["dirty", "unknown", "key", "machine", "sample"])
def test_what_is_refused_leaves_no_trace(repo: Repository, fault: str) -> None:
    component = "wiki"
    kind: type[OpsError] = Refused
    if fault == "dirty":
        edit(repo, "components/wiki.yaml", "Team wiki", "Our wiki", commit=False)
    elif fault == "unknown":
        component, kind = "wikki", UsageError
    elif fault == "key":
        (repo.var / "keys" / "signing").unlink()
    elif fault == "machine":
        edit(repo, "site.yaml", repo.site().controller.machine_id, "0" * 32)
        repo = Repository(repo.path, PROJECT)
    else:
        repo = Repository(SAMPLE, PROJECT)
    with pytest.raises(kind):
        _begin(repo, component)
    assert list(repo.runs()) == [] and not list((repo.var / "journal").glob("*"))


def test_a_person_may_commit_while_a_task_runs(repo: Repository) -> None:
    with run.begin(repo, "provision", "wiki"):
        edit(repo, "components/lists.yaml", "postmaster", "mail team")
    assert repo.git.run("log", "--format=%s").splitlines()[:2] == ["provision wiki: done", "edit"]
    assert repo.component("lists").owner == "mail team"


def _begin(repo: Repository, component: str) -> Path:
    with run.begin(repo, "provision", component) as r:
        return r.directory


def test_a_state_that_can_not_be_read_stops_nobody_else(repo: Repository) -> None:
    files.write(repo.path / "state" / "wiki.yaml", b"phase: bogus\n")
    with pytest.raises(Broken), run.begin(repo, "provision", "wiki"):
        pytest.fail("began")
    with run.begin(repo, "provision", "lists") as r:
        pass
    assert list(repo.runs()) == [r.id]


def test_a_run_that_waits_to_be_recorded_is_not_dead_to_others(repo: Repository) -> None:
    begun, ending = threading.Event(), threading.Event()

    def work() -> None:
        with run.begin(repo, "provision", "wiki"):
            begun.set()
            ending.wait(20)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(20)
    with repo.locked() as git:
        ending.set()
        thread.join(0.5)  # it has ended, and waits for the lock that we hold
        now = "2026-11-22T17:00:00Z"
        assert recovery.recover(repo, git, repo.signer(os.environ), now) == []
    thread.join()
    assert newest(repo).verdict == "done"
