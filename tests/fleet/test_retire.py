"""Giving a component up: proven, stopped, and ended when its days are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.cloud import instances
from ops.errors import OpsError, Refused, UsageError
from ops.fleet.retire import retire
from ops.fleet.retire_plan import counted, must_be_proven
from ops.inventory.locks import Holder, component_lock
from ops.inventory.schema import Component, Retirement, State
from ops.run import cloud
from tests.support.fleet import Fleet, fleet

__all__ = ["fleet"]

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(days=15)
TERMS = Retirement.model_validate({})

INSTANCE = {
    "id": "i-1",
    "type": "t3.small",
    "zone": "us-east-1a",
    "image": "ami-1",
    "group": "sg-1",
    "private_address": "10.0.0.5",
    "volumes": {"data": {"id": "vol-1", "size_gib": 1, "created_by": "run-1"}},
}


def proven(days: int, slot: str = "main") -> State:
    """Return a state whose volume was proven to come back from a backup of so many days ago."""
    taken = NOW - timedelta(days=days)
    part = {"slot": slot, "name": "data", "backup": "snap-1", "verdict": "proven"}
    drill = {"run": "r", "at": taken, "of": "s", "taken": taken, "verdict": "proven"}
    drill |= {"seconds": 1.0, "parts": [part]}
    return State.model_validate({"instances": {"main": INSTANCE}, "proven": {"snapshot": drill}})


def give_up(fleet: Fleet, now: datetime, **given: Any) -> bool:
    fleet.told.clear()

    def agree(plan: Any) -> bool:
        fleet.plans = plan.lines()
        return bool(plan)

    return retire(fleet.repo, "wiki", agree, tell=fleet.told.append, now=lambda: now, **given)


def test_a_young_proof_of_every_volume_is_wanted() -> None:
    must_be_proven("wiki", proven(29), TERMS, NOW)
    with pytest.raises(Refused, match=r"proven backup is 31\.0 days old"):
        must_be_proven("wiki", proven(31), TERMS, NOW)
    with pytest.raises(Refused, match="no proven backup of main/data"):
        must_be_proven("wiki", proven(1, slot="other"), TERMS, NOW)


def test_a_volume_that_is_neither_declared_nor_there_needs_no_proof() -> None:
    bare = Component.model_validate({"description": "a wiki", "owner": "me"})
    state = State.model_validate({"instances": {"main": INSTANCE}})
    must_be_proven("wiki", counted(state, bare, set()), TERMS, NOW)
    with pytest.raises(Refused, match="no proven backup of main/data"):
        must_be_proven("wiki", counted(state, bare, {"vol-1"}), TERMS, NOW)


def test_without_an_instance_there_is_nothing_to_retire() -> None:
    with pytest.raises(UsageError, match="no instance to retire"):
        must_be_proven("wiki", State.model_validate({}), TERMS, NOW)


def test_it_is_stopped_first_and_ended_when_its_days_are_over(fleet: Fleet) -> None:
    fleet.provision()
    aws, old = cloud(fleet.repo), fleet.instance()
    assert give_up(fleet, NOW)
    assert [one.state for one in [instances.get(aws, old.id)] if one] == ["stopped"]
    assert fleet.repo.state("wiki").phase == "retired"
    assert not give_up(fleet, NOW + timedelta(days=13))
    assert "in 1.0 days" in fleet.plans[1]
    assert give_up(fleet, LATER)
    assert [one.state for one in [instances.get(aws, old.id)] if one] == ["terminated"]
    assert fleet.repo.state("wiki").instances == {}
    assert fleet.repo.pinned("wiki.cloud.main") is None
    assert not give_up(fleet, LATER)


def test_until_then_it_is_protected_and_nothing_provisions_it(fleet: Fleet) -> None:
    fleet.provision()
    give_up(fleet, NOW)
    with pytest.raises(OpsError, match="OperationNotPermitted"):
        instances.terminate(cloud(fleet.repo), fleet.instance().id)
    with pytest.raises(Refused, match="wiki was retired, stopped on 2026-11-22"):
        fleet.provision()


def test_a_retirement_is_taken_back_and_the_instance_runs_again(fleet: Fleet) -> None:
    fleet.provision()
    old = fleet.instance()
    give_up(fleet, NOW)
    assert give_up(fleet, NOW, undo=True)
    assert fleet.provision()
    assert fleet.instance().id == old.id
    assert not fleet.provision()


def test_a_task_at_work_on_the_component_is_named(fleet: Fleet) -> None:
    fleet.provision()
    holder = Holder("provision", "run-1", 4711, "2026-11-22T17:00:00Z")
    before = fleet.calls("DescribeInstances")
    with (
        component_lock(fleet.repo.var, "wiki", holder),
        pytest.raises(Refused, match=r"provision \(run run-1, process 4711\)"),
    ):
        give_up(fleet, NOW)
    assert fleet.calls("DescribeInstances") == before


def test_what_was_started_again_by_hand_is_not_ended(fleet: Fleet) -> None:
    fleet.provision()
    give_up(fleet, NOW)
    instances.start(cloud(fleet.repo), fleet.instance().id)
    with pytest.raises(Refused, match="though it was retired"):
        give_up(fleet, LATER)
