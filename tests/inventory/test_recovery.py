"""The end of a run, also of one that dies: at any moment, losing nothing that was done."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from ops import run
from ops.inventory import files, recovery
from ops.inventory.document import read
from ops.inventory.repository import Repository
from ops.inventory.schema import InstanceState, State
from ops.plan import Plan, Step
from tests.inventory.test_recorded import record
from tests.support.crash import dies
from tests.support.inventories import edit, new_inventory

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICpYAhoQQmHhjv2dIE7ZSSsaXFRqgpnHEWheZm64ECNV"


def recovered(repo: Repository) -> list[str]:
    with repo.locked() as git:
        found = recovery.recover(repo, git, repo.signer({}), "2026-11-22T18:00:00.000Z")
    return [one.run for one in found]


def test_without_a_crash_there_is_nothing_to_do(repo: Repository) -> None:
    record(repo, 1)
    head = repo.git.head()
    assert recovered(repo) == [] and repo.git.head() == head


def test_a_journal_that_was_recorded_already_is_put_away(repo: Repository) -> None:
    run = record(repo, 1)
    kept = repo.run_folder(run) / "journal.jsonl"
    back = repo.var / "journal" / f"{run}.jsonl"
    kept.rename(back)
    assert recovered(repo) == [] and kept.exists() and not back.exists()
    assert repo.record(run).verdict == "done"


def test_half_written_host_keys_are_cleared_away(repo: Repository) -> None:
    files.leftover(repo.known_hosts).write_text("wiki.cl")
    recovered(repo)
    assert not files.leftover(repo.known_hosts).exists()


def test_a_state_is_written_short_and_reads_back(repo: Repository) -> None:
    state = State.model_validate({"phase": "verified", "runs": {"verify": "R1"}})
    text = recovery.state_text(state)
    assert text.startswith("# Written by tasks") and "instances" not in text
    assert State.model_validate(read(text.encode(), "s").data) == state


PLAN = Plan(
    "provision",
    "wiki",
    tuple(Step("instance.run", slot, f"run instance {slot}") for slot in ("one", "two")),
)
INSTANCE = {"type": "m5.large", "zone": "us-east-1a", "image": "ami-1", "group": "sg-1"}


def fold(state: State, step: Step, facts: Mapping[str, object]) -> State:
    made = {"id": facts["id"], "private_address": "10.0.0.1", **INSTANCE}
    return state.model_copy(
        update={"instances": {**state.instances, step.subject: InstanceState.model_validate(made)}}
    )


def provision(repo: Repository, say: Callable[[str], object]) -> None:
    """Do two steps and a few other things; say after each what must not get lost."""

    def perform(step: Step) -> Mapping[str, object]:
        r.remember(token=f"t-{step.subject}")
        say(f"remembered-{step.subject}")
        repo.pin(f"wiki.cloud.{step.subject}", KEY)
        return {"id": f"i-{step.subject}"}

    with run.begin(repo, "provision", "wiki") as r:
        say("begun")
        for step in PLAN.steps:
            r.perform(step, perform, fold=fold)
            say(f"done-{step.subject}")
        (r.directory / "manifest").write_text("./a\n")
        r.attach(r.directory / "manifest")
    say("ended")


def recover(repo: Repository, say: Callable[[str], object]) -> None:
    """Do what the next task does first."""
    run.recover(repo)


def prepared(path: Path) -> Repository:
    """Return an inventory with one finished run, and a person's own work under way."""
    repo = new_inventory(path)
    with run.begin(repo, "backup.snapshot", "wiki") as r:
        r.figure("bytes", 1)
    (repo.path / "notes").write_text("staged by a person")
    repo.git.run("add", "notes")
    edit(repo, "components/lists.yaml", "# The mailing lists.", "# Edited.", commit=False)
    return repo


def copied(repo: Repository, path: Path) -> Repository:
    shutil.copytree(repo.path, path, symlinks=True)
    return Repository(path, repo.project)


def check(repo: Repository, told: list[str]) -> None:
    """Check the inventory after the next start."""
    changed = repo.git.run("status", "--porcelain").splitlines()
    assert changed == [" M components/lists.yaml", "A  notes"]
    assert [p for folder in ("journal", "pending") for p in (repo.var / folder).glob("*")] == []
    assert list(repo.path.rglob("*.ops-tmp")) == []
    runs = list(repo.runs("wiki"))
    assert {run for run in runs if "backup" in run} == set(repo.runs("wiki", "backup.snapshot"))
    assert repo.state("wiki").runs["backup.snapshot"] == runs[-1]
    for name in runs:
        repo.verify_signature(name)
        paths = [str(path.relative_to(repo.path)) for path in repo.path.glob(f"runs/*/*/{name}.*")]
        assert repo.git.run("log", "--format=%s", "--", *paths).count("\n") == 1
    provisions = list(repo.runs("wiki", "provision"))
    assert len(provisions) <= 1 and ("begun" not in told or len(provisions) == 1)
    check_steps(repo, told)


def check_steps(repo: Repository, told: list[str]) -> None:
    found = {step.subject: step for _, step in repo.steps("wiki", "instance.run")}
    for slot in ("one", "two"):
        if f"remembered-{slot}" in told:
            assert found[slot].facts["token"] == f"t-{slot}"
        if f"done-{slot}" in told:
            assert found[slot].facts["id"] == f"i-{slot}"
            assert repo.state("wiki").instances[slot].id == f"i-{slot}"
            assert repo.pinned(f"wiki.cloud.{slot}") == KEY
    if "ended" in told:
        assert repo.unfinished("wiki", "provision") is None


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder in memory where there is one: it is copied a hundred times."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield Path(name)


def test_a_crash_at_any_file_operation_is_made_good_by_the_next_task(
    folder: Path, seed: int
) -> None:
    original = prepared(folder / "original")
    for at in itertools.count(1 + seed % 3, 3):
        repo = copied(original, folder / str(at))
        died, told = dies(partial(provision, repo), at)
        run.recover(repo)
        check(repo, told)
        if not died:
            break
    assert at > 80


def test_a_crash_while_a_crash_is_made_good_is_made_good(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    original = prepared(folder / "original")
    for attempt in range(8):
        repo = copied(original, folder / str(attempt))
        _, told = dies(partial(provision, repo), chance.randint(30, 110))
        for _ in range(3):
            dies(partial(recover, repo), chance.randint(1, 60))
        run.recover(repo)
        check(repo, told)
