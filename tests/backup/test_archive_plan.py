"""What a run archives of the campus side."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ops.backup.archive_plan import plan_archive
from ops.errors import UsageError
from ops.inventory.repository import Repository
from ops.inventory.schema import ArchiveState, Component
from tests.support.inventories import PROJECT, SAMPLE

TRACKER = Repository(SAMPLE, PROJECT).component("tracker")


def test_databases_are_dumped_before_anything_is_archived_and_read_back_last() -> None:
    plan = plan_archive("tracker", TRACKER)
    kinds = ["database.dump", "archive.make", "archive.make", "archive.check"]
    assert [step.kind for step in plan.steps] == kinds
    assert plan.steps[0].arguments["to"] == "/var/backups/ops/tracker/issues.dump"


def test_each_host_archives_its_own_trees() -> None:
    _, database, main, _ = plan_archive("tracker", TRACKER).steps
    assert (database.subject, list(database.arguments["trees"])) == ("database", ["dumps"])  # type: ignore[call-overload] # arguments are JSON
    assert (main.subject, list(main.arguments["trees"])) == ("main", ["attachments"])  # type: ignore[call-overload] # arguments are JSON


def part_after(**told: object) -> object:
    policy = TRACKER.backup
    assert policy and policy.archive
    own = {"run": "r1", "at": datetime(2026, 11, 22, tzinfo=UTC), "ids": {}, "files": 1, "bytes": 1}
    before = {**own, "repository": policy.archive.repository, **told}
    steps = plan_archive("tracker", TRACKER, ArchiveState.model_validate(before)).steps
    return steps[-1].arguments["part"]


def test_the_part_after_the_last_that_was_read_is_next() -> None:
    parts = [part_after(part=part) for part in range(21)]
    assert parts == [*(f"{part}/20" for part in range(1, 21)), "1/20"]
    assert part_after(part=7, repository="/elsewhere") == "1/20"


def test_a_part_that_could_not_be_read_is_read_until_it_can() -> None:
    assert part_after(part=2, unsound={"part": "3/20", "run": "r0"}) == "3/20"


def test_nothing_declared_is_nothing_to_do_but_an_archive_of_nothing_is_a_mistake() -> None:
    none = TRACKER.model_copy(update={"backup": None})
    assert not plan_archive("tracker", none)
    empty: Component = TRACKER.model_copy(update={"data": {}})
    with pytest.raises(UsageError, match="no data set"):
        plan_archive("tracker", empty)
