"""The page of evidence says what the records prove, and notices when one was changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.fleet.evidence import _backups, report
from ops.inventory.schema import State
from ops.migrate import metered
from ops.pages.report import html
from ops.verify import checksums
from tests.migrate.fleet import Fleet, fleet
from tests.support.bars import silent

NOW = "2026-11-28T00:00:00Z"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Fleet]:
    with fleet(tmp_path) as made:
        (made.source / "page").write_bytes(b"words")
        metered.rehearse(made.repo, "wiki", bars=silent)
        yield made


def test_what_was_moved_but_not_compared_is_not_proven(here: Fleet) -> None:
    found = report(here.repo, ["wiki"])
    assert (found.good, found.verdict) == (False, "not proven: wiki")


def test_a_verified_component_is_proven_on_one_page(here: Fleet) -> None:
    checksums.verify(here.repo, "wiki")
    found = report(here.repo, ["wiki"])
    assert found.good
    page = html(found)
    assert "wiki: proven" in page and "<svg" in page and "http" not in page.split("<body")[0]


def test_it_tells_which_snapshots_were_restored() -> None:
    taken = {"run": "R2", "at": NOW, "level": "crash", "ids": {"data": "snap-1"}}
    drill = {"run": "R3", "at": NOW, "of": "R1", "taken": NOW, "verdict": "proven", "seconds": 3}
    part = {"slot": "main", "name": "data", "backup": "snap-0", "verdict": "proven", "files": 7}
    told = {"snapshot": taken, "proven": {"snapshot": drill | {"parts": [part]}}}
    assert _backups(State.model_validate(told)).endswith(
        "data snap-1. Those of R1 were restored in 3.0 s, 7 files compared."
    )
    assert _backups(State.model_validate({"snapshot": taken})).endswith("None was restored yet.")


def test_a_difference_is_not_proven(here: Fleet) -> None:
    (here.target / "page").write_bytes(b"wordz")
    checksums.verify(here.repo, "wiki")
    assert not report(here.repo, ["wiki"]).good


def test_a_changed_record_is_noticed(here: Fleet) -> None:
    run, _ = checksums.verify(here.repo, "wiki")
    [record] = here.repo.path.glob(f"runs/*/*/{run}.yaml")
    record.write_text(record.read_text().replace("verdict: same", "verdict: same "))
    found = report(here.repo, ["wiki"])
    assert not found.good
    assert any(
        "NOT VALID" in str(row) for one in found.sections if one.table for row in one.table.rows
    )
