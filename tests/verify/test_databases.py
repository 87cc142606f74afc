"""Databases of a component on two hosts, compared by what a hook tells on each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ops.errors import OpsError
from ops.inventory import machine, recovery
from ops.inventory.schema import TransferState
from ops.verify import checksums, evidence, planning
from ops.verify.sides import Outcome
from tests.migrate.fleet import Fleet, fleet

A, B = "a" * 32, "b" * 32
_ISSUES = """\
  issues:
    kind: database
    engine: postgresql
    database: roundup
    dump: {script: hooks/tables}
    load: {script: hooks/tables}
    digest: {script: hooks/tables, arguments: ["it's; here"]}
"""
_HOOK = """[ "$1" = "it's; here" ] && . "$HOME/hook" """


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Give a fleet whose hook runs what lies at ~/hook of its side."""
    with fleet(tmp_path_factory.mktemp("fleet"), _ISSUES) as made:
        hook = made.repo.path / "templates/hooks/tables"
        hook.parent.mkdir(parents=True, exist_ok=True)
        hook.write_text(_HOOK)
        now = datetime.now(UTC)
        told = TransferState(
            run="r", started=now, finished=now, verdict="done", files=0, bytes=1, seconds=1.0
        )
        state = made.repo.state("wiki").model_copy(update={"transfers": {"issues": told}})
        (made.repo.path / "state/wiki.yaml").write_text(recovery.state_text(state))
        made.repo.git.commit(["state/wiki.yaml"], "Move wiki", machine.suite())
        yield made


def _verified(here: Fleet, ours: str, theirs: str) -> tuple[str, Outcome]:
    (here.campus.folder / "hook").write_text(ours)
    (here.home / "hook").write_text(theirs)
    run, (outcome,) = checksums.verify(here.repo, "wiki")
    return run, outcome


def test_the_same_tables_are_the_same_and_can_be_compared_anew(here: Fleet) -> None:
    tables = f"echo one 3 {A}; echo 'o t\303\244' 0 {B}"
    run, outcome = _verified(here, tables, tables)
    assert (outcome.judgement.verdict, outcome.judgement.files) == ("same", 2)
    figures = here.repo.record(run).figures["issues"]
    assert (figures["tables"], figures["target_rows"], figures["faults"]) == (2, 3, [])
    assert evidence.check(here.repo, run).proven == {"issues": 2}
    assert here.repo.state("wiki").verifications["issues"].verdict == "same"


def test_a_data_set_that_was_never_moved_makes_the_run_incomplete(here: Fleet) -> None:
    run, outcome = _verified(here, f"echo one 3 {A}", f"echo one 3 {A}")
    assert outcome.judgement.verdict == "same"
    record = here.repo.record(run)
    assert record.verdict == "incomplete"
    assert record.figures["pages"] == {"verdict": "incomplete", "reason": "never moved"}
    alone, _ = checksums.verify(here.repo, "wiki", data="issues")
    assert here.repo.record(alone).verdict == "same"


def test_the_plan_tells_every_data_set_moved_or_not(here: Fleet) -> None:
    decided = planning.planned(here.repo, "wiki")
    assert [step.subject for step in decided.steps] == ["issues"]
    (note,) = decided.notes
    assert note.startswith(f"never moved, not verified: pages: source {here.source} on main")
    assert f"target {here.target} on main" in note
    assert planning.planned(here.repo, "wiki", "issues").notes == ()


def test_a_row_less_and_a_table_less_are_named(here: Fleet) -> None:
    theirs = f"echo one 2 {B}"
    run, outcome = _verified(here, f"echo one 3 {A}; echo two 0 {B}", theirs)
    assert [(d.kind, d.path, d.words) for d in outcome.judgement.differences] == [
        ("different", b"one", "3 rows here, 2 there"),
        ("missing", b"two", "table"),
    ]
    assert here.repo.record(run).verdict == outcome.judgement.verdict == "different"
    assert evidence.check(here.repo, run).proven == {"issues": 0}


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        (f"echo one 3 {A}; echo 'the server went away' >&2; exit 3", "the server went away"),
        (f"echo one 3 {A}; exit 3", "code 3"),
        (f"echo one 3 {A}; kill -9 $$", "code -9"),
        ("printf 'one 3 aaaa'", "its output ends within a line: one 3 aaaa"),
        ("echo permission denied", "line 1 is not"),
        (":", "it found no table"),
    ],
)
def test_a_hook_that_fails_or_ends_early_leaves_its_side_unread(
    here: Fleet, theirs: str, said: str
) -> None:
    run, outcome = _verified(here, f"echo one 3 {A}", theirs)
    judged = outcome.judgement
    assert (judged.verdict, judged.files, judged.source_faults) == ("incomplete", 0, [])
    assert said in judged.target_faults[0].reason
    assert here.repo.record(run).verdict == "incomplete"
    assert evidence.check(here.repo, run).proven == {}


def test_a_hook_that_is_not_there_is_an_error(here: Fleet) -> None:
    hook = here.repo.path / "templates/hooks/tables"
    hook.rename(hook.with_name("away"))
    try:
        with pytest.raises(OpsError, match="hooks/tables"):
            checksums.verify(here.repo, "wiki")
    finally:
        hook.with_name("away").rename(hook)
