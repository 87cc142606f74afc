"""What a run archives of the campus side."""

from __future__ import annotations

import pytest

from ops.backup.archive_plan import plan_archive
from ops.errors import UsageError
from ops.inventory.repository import Repository
from ops.inventory.schema import Component
from tests.support.inventories import PROJECT, SAMPLE

TRACKER = Repository(SAMPLE, PROJECT).component("tracker")


def test_databases_are_dumped_before_anything_is_archived_and_read_back_last() -> None:
    plan = plan_archive("tracker", TRACKER, 0)
    kinds = ["database.dump", "archive.make", "archive.make", "archive.check"]
    assert [step.kind for step in plan.steps] == kinds
    assert plan.steps[0].arguments["to"] == "/var/backups/ops/tracker/issues.dump"


def test_each_host_archives_its_own_trees() -> None:
    _, database, main, _ = plan_archive("tracker", TRACKER, 0).steps
    assert (database.subject, list(database.arguments["trees"])) == ("database", ["dumps"])  # type: ignore[call-overload]
    assert (main.subject, list(main.arguments["trees"])) == ("main", ["attachments"])  # type: ignore[call-overload]


def test_runs_read_all_parts_in_turn() -> None:
    parts = [
        plan_archive("tracker", TRACKER, turn).steps[-1].arguments["part"] for turn in range(21)
    ]
    assert parts == [*(f"{part}/20" for part in range(1, 21)), "1/20"]


def test_nothing_declared_is_nothing_to_do_but_an_archive_of_nothing_is_a_mistake() -> None:
    none = TRACKER.model_copy(update={"backup": None})
    assert not plan_archive("tracker", none, 0)
    empty: Component = TRACKER.model_copy(update={"data": {}})
    with pytest.raises(UsageError, match="no data set"):
        plan_archive("tracker", empty, 0)
