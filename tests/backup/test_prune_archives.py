"""Which archives go."""

from __future__ import annotations

from datetime import UTC, datetime

from ops.backup.prune_archives import plan_archives
from ops.backup.restic import Archived
from ops.inventory.schema import Keep

KEEP = Keep.model_validate({"last": 1})


def archived(day: int, slot: str = "main") -> Archived:
    moment = datetime(2026, 11, day, 2, tzinfo=UTC)
    return Archived(f"{slot}-{day}", f"r{day}", slot, moment, ("/srv",))


FOUND = [archived(day) for day in (20, 21, 22)] + [archived(1, "other")]


def removed(keep: Keep, proven: frozenset[str] = frozenset()) -> list[str]:
    return [step.subject for step in plan_archives("wiki", FOUND, keep, UTC, proven).steps]


def test_what_no_rule_keeps_goes_the_oldest_first_each_host_by_itself() -> None:
    assert removed(KEEP) == ["main-20", "main-21"]


def test_the_newest_proven_stays() -> None:
    assert removed(KEEP, frozenset({"main-20"})) == ["main-21"]


def test_no_rule_removes_nothing() -> None:
    assert removed(Keep.model_validate({})) == []
