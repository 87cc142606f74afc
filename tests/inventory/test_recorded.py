"""What tasks recorded: states, runs, and the proof that nobody changed them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import OpsError, UsageError
from ops.inventory import journal, recovery
from ops.inventory.journal import Journal
from ops.inventory.repository import Repository
from tests.inventory.test_records import BEGIN, STEP


def record(repo: Repository, number: int, verdict: str = "done", task: str = "provision") -> str:
    """Write the run number `number` of a component as a task does; return its id."""
    run = f"20261122T1700{number:02}.000Z_{task}_wiki_abc"
    one = Journal(repo.var / "journal" / f"{run}.jsonl")
    told = {key: value for key, value in BEGIN.items() if key != "event"}
    one.append("begin", **{**told, "run": run, "task": task})
    one.append("step", number=0, step=STEP, at=BEGIN["at"])
    one.append("done", number=0, facts={"id": f"vol-{number}"}, at=BEGIN["at"])
    one.append("end", verdict=verdict, error=None, at=BEGIN["at"])
    one.close()
    with repo.locked() as git:
        recovery.finish(repo, git, repo.signer({}), one.path, BEGIN["at"])
    return run


def test_a_component_without_a_file_has_the_empty_state(repo: Repository) -> None:
    assert repo.state("wiki").phase == "declared"


def test_runs_come_newest_first_and_by_task(repo: Repository) -> None:
    first, second = record(repo, 1), record(repo, 2, task="backup.snapshot")
    assert list(repo.runs()) == list(repo.runs("wiki")) == [second, first]
    assert list(repo.runs("wiki", "provision")) == [first]
    assert list(repo.runs("lists")) == []


def test_an_unknown_run_is_told_with_the_nearest(repo: Repository) -> None:
    run = record(repo, 1)
    with pytest.raises(UsageError, match=f"did you mean {run}"):
        repo.record(run[:-1])


@pytest.mark.parametrize(
    ("verdict", "unfinished"), [("done", False), ("failed", True), ("interrupted", True)]
)
def test_a_run_that_did_not_end_well_is_unfinished(
    repo: Repository, verdict: str, unfinished: bool
) -> None:
    record(repo, 1, "failed")
    run = record(repo, 2, verdict)
    found = repo.unfinished("wiki", "provision")
    assert (found.run if found else None) == (run if unfinished else None)


def test_what_a_step_made_is_found_in_all_runs(repo: Repository) -> None:
    record(repo, 1, "failed")
    record(repo, 2)
    made = [step.facts["id"] for _, step in repo.steps("wiki", "volume.create")]
    assert made == ["vol-2", "vol-1"] and list(repo.steps("wiki", "other")) == []


def test_a_changed_record_is_no_evidence(repo: Repository) -> None:
    run = record(repo, 1)
    assert repo.verify_signature(run).startswith("ops@")
    path = next(repo.path.glob("runs/*/*/*.yaml"))
    path.write_text(path.read_text().replace("vol-1", "vol-7"))
    with pytest.raises(OpsError, match="was changed after it was signed"):
        repo.verify_signature(run)


def test_changed_digests_are_no_evidence(repo: Repository) -> None:
    run = record(repo, 1)
    path = next(repo.path.glob("runs/*/*/*.sha256"))
    path.write_text(path.read_text().replace("a", "b"))
    with pytest.raises(OpsError, match="no valid signature"):
        repo.verify_signature(run)


def test_the_journal_stays_with_the_run(repo: Repository) -> None:
    run = record(repo, 1)
    assert len(journal.read(repo.run_folder(run) / "journal.jsonl")) == 4
    assert not (Path(repo.var) / "journal" / f"{run}.jsonl").exists()


@pytest.mark.parametrize("run", ["", "*", "**", "../../state/wiki", "[a-z]"])
def test_what_is_no_run_id_finds_no_run(repo: Repository, run: str) -> None:
    record(repo, 1)
    with pytest.raises(UsageError, match="there is no run"):
        repo.record(run)


def test_changed_line_ends_are_a_change(repo: Repository) -> None:
    run = record(repo, 1)
    path = next(repo.path.glob(f"runs/*/*/{run}.yaml"))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(OpsError, match="was changed after it was signed"):
        repo.verify_signature(run)


@pytest.mark.parametrize("ending", [".sig", ".sha256"])
def test_a_record_without_its_signature_is_told(repo: Repository, ending: str) -> None:
    run = record(repo, 1)
    next(repo.path.glob(f"runs/*/*/{run}{ending}")).unlink()
    with pytest.raises(OpsError, match="are gone"):
        repo.verify_signature(run)
