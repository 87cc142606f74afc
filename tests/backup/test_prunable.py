"""Which snapshots go, and what protects the others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.backup.prunable import Found, plan_prune
from ops.cloud.snapshots import Snapshot
from ops.inventory.schema import Keep
from ops.plan import Plan

NEWEST = datetime(2026, 11, 22, 2, 15, tzinfo=UTC)
LAST = {"last": 1}


def snapshot(day: int, volume: str = "data", **other: Any) -> Snapshot:
    """Return a snapshot taken that many days ago, called snap-DAY-VOLUME."""
    own = {
        "ops:component": "wiki",
        "ops:slot": "main",
        "ops:volume": volume,
        "ops:set": f"run-{day}",
        "ops:instance": "i-1",
    }
    told = {
        "id": f"snap-{day}-{volume}",
        "volume": f"vol-{volume}",
        "state": "completed",
        "progress": "100%",
        "size_gib": 1,
        "encrypted": True,
        "description": "",
        "reason": "",
        "started": NEWEST - timedelta(days=day),
    }
    return Snapshot(**{**told, **other, "tags": {**own, **other.get("tags", {})}})


def planned(
    *snapshots: Snapshot,
    keep: Mapping[str, object] = LAST,
    proven: frozenset[str] = frozenset(),
    images: Mapping[str, str] | None = None,
) -> Plan:
    found = Found("us-east-1", snapshots, images or {})
    return plan_prune("wiki", Keep.model_validate(dict(keep)), UTC, [found], proven)


def gone(plan: Plan) -> list[str]:
    return [step.subject for step in plan.steps]


def test_what_no_rule_keeps_goes_the_oldest_first() -> None:
    plan = planned(snapshot(1), snapshot(0), snapshot(2))
    assert gone(plan) == ["snap-2-data", "snap-1-data"]
    assert plan.steps[0].effect == "delete" and "no rule keeps it" in str(plan.steps[0])
    assert plan.notes == (
        "keeps snap-0-data in us-east-1, main data of 2026-11-22 02:15:00Z: last 1",
    )


def test_a_set_stays_or_goes_as_a_whole() -> None:
    both = [snapshot(day, volume) for day in (0, 1) for volume in ("data", "logs")]
    assert gone(planned(*both)) == ["snap-1-data", "snap-1-logs"]


def test_slots_are_decided_each_for_itself() -> None:
    replica = {"ops:slot": "replica", "ops:instance": "i-2"}
    other = snapshot(3, id="snap-r", volume="vol-r", tags=replica)
    assert gone(planned(snapshot(0), snapshot(1), other)) == ["snap-1-data"]


def test_no_rule_removes_nothing_not_even_what_failed() -> None:
    assert not planned(snapshot(0), snapshot(1), snapshot(2, state="error"), keep={})


@pytest.mark.parametrize("missing", ["ops:set", "ops:component", "ops:instance"])
def test_what_lacks_one_of_our_tags_is_left_alone(missing: str) -> None:
    stranger = snapshot(5)
    told = {name: value for name, value in stranger.tags.items() if name != missing}
    stranger = Snapshot(**{**vars(stranger), "tags": told})
    plan = planned(snapshot(0), stranger)
    assert not plan and "snap-5" not in str(plan.notes)


def test_the_newest_proven_set_stays_whole() -> None:
    both = [snapshot(day, volume) for day in (0, 1, 2) for volume in ("data", "logs")]
    plan = planned(*both, proven=frozenset({"snap-1-logs"}))
    assert gone(plan) == ["snap-2-data", "snap-2-logs"]
    assert sum("the newest proven" in note for note in plan.notes) == 2


def test_what_an_image_is_made_of_stays() -> None:
    plan = planned(snapshot(0), snapshot(1), images={"snap-1-data": "ami-1"})
    assert not plan and "in use by ami-1" in str(plan.notes)


def test_the_last_one_of_a_volume_stays_though_the_volume_is_gone() -> None:
    plan = planned(snapshot(0), snapshot(5, "logs"), snapshot(6, "logs"))
    assert gone(plan) == ["snap-6-logs"]
    assert "the last one of vol-logs" in str(plan.notes)


def test_a_set_under_way_is_not_counted_and_not_touched() -> None:
    plan = planned(snapshot(0, state="pending"), snapshot(1), snapshot(2))
    assert gone(plan) == ["snap-2-data"]


def test_what_ended_in_an_error_goes_with_its_set_once_a_later_one_is_whole() -> None:
    broken = [snapshot(1, "data"), snapshot(1, "logs", state="error")]
    assert not planned(*broken)
    whole = [snapshot(0, "data"), snapshot(0, "logs")]
    assert gone(planned(*whole, *broken)) == ["snap-1-data", "snap-1-logs"]


def test_the_only_whole_set_survives_a_broken_newer_one() -> None:
    whole = [snapshot(1, "data"), snapshot(1, "logs")]
    broken = [snapshot(0, "data"), snapshot(0, "logs", state="error")]
    assert not planned(*whole, *broken)


def test_a_set_that_lost_a_snapshot_is_not_counted() -> None:
    two = {"ops:set-size": "2"}
    whole = [snapshot(1, "data", tags=two), snapshot(1, "logs", tags=two)]
    assert not planned(*whole, snapshot(0, "data", tags=two))


def test_what_ended_in_an_error_stays_as_long_as_its_set() -> None:
    broken = [snapshot(1, "data"), snapshot(1, "logs", state="error")]
    plan = planned(snapshot(0), snapshot(0, "logs"), *broken, images={"snap-1-data": "ami-1"})
    assert not plan and "its set stays" in str(plan.notes)


def test_the_newest_run_with_all_its_slots_stays() -> None:
    def both(day: int, **replica: Any) -> list[Snapshot]:
        slots = {"ops:set-slots": "2"}
        told = {**slots, "ops:slot": "replica", "ops:instance": "i-2"}
        other = snapshot(day, id=f"snap-{day}-r", volume="vol-r", tags=told, **replica)
        return [snapshot(day, tags=slots), other]

    plan = planned(*both(2), *both(1), *both(0, state="error"))
    assert gone(plan) == ["snap-2-data", "snap-2-r"]
    assert "of the newest run that is whole" in str(plan.notes)
    assert gone(planned(*both(1), both(0)[0])) == []


def test_copies_count_by_the_moment_of_what_they_were_copied_from() -> None:
    def copy(day: int) -> Snapshot:
        taken = (NEWEST - timedelta(days=day)).isoformat()
        told = {"ops:taken": taken, "ops:taken-of": "vol-data", "ops:copy-of": f"snap-{day}-data"}
        return snapshot(day, id=f"copy-{day}", volume="vol-ffffffff", started=NEWEST, tags=told)

    plan = planned(copy(0), copy(1), copy(2), proven=frozenset({"snap-1-data"}))
    assert gone(plan) == ["copy-2"]


def test_the_plan_is_empty_once_it_was_carried_out() -> None:
    all_of_it = [snapshot(day) for day in range(40)]
    policy = {"daily": 7, "weekly": 4, "monthly": 12}
    first = set(gone(planned(*all_of_it, keep=policy)))
    left = [one for one in all_of_it if one.id not in first]
    assert first and not planned(*left, keep=policy)


def test_of_sets_of_one_second_the_same_one_is_the_newest_to_all_rules() -> None:
    early = snapshot(0, id="snap-z", tags={"ops:set": "run-a"})
    late = snapshot(0, id="snap-a", tags={"ops:set": "run-b"})
    assert gone(planned(early, late)) == ["snap-z"]
