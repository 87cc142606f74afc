"""Giving a component up: proven, stopped, and ended when its days are over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Timer
from typing import Any

import pytest
import yaml

from ops import run
from ops.cloud import instances, tags, volumes
from ops.cloud.session import Cloud
from ops.errors import OpsError, Refused, UsageError
from ops.fleet.retire import retire
from ops.fleet.retire_plan import counted, must_be_proven
from ops.inventory.locks import Holder, component_lock
from ops.inventory.repository import Repository
from ops.inventory.schema import Component, DrillState, Retirement, SnapshotState, State
from ops.lab.aws.faults import Fault
from ops.lab.aws.server import Server
from ops.run import cloud
from tests.support.aws import set_state
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


def drilled(days: int, slot: str = "main") -> DrillState:
    """Return a drill that proved the volume to come back from a backup of so many days ago."""
    taken = NOW - timedelta(days=days)
    part = {"slot": slot, "name": "data", "backup": "snap-1", "verdict": "proven"}
    drill = {"run": "r", "at": taken, "of": "s", "taken": taken, "verdict": "proven"}
    return DrillState.model_validate({**drill, "seconds": 1.0, "parts": [part]})


def proven(days: int, slot: str = "main") -> State:
    drill = drilled(days, slot).model_dump()
    return State.model_validate({"instances": {"main": INSTANCE}, "proven": {"snapshot": drill}})


def give_up(fleet: Fleet, now: datetime, **given: Any) -> bool:
    fleet.told.clear()

    def agree(plan: Any) -> bool:
        fleet.plans = plan.lines()
        return bool(plan)

    return retire(fleet.repo, "wiki", agree, tell=fleet.told.append, now=lambda: now, **given)


@pytest.fixture
def wiki(provisioned: Repository, cloud: Cloud, name: str) -> Iterator[Repository]:
    """An inventory whose wiki has a volume that is proven to come back."""
    with run.begin(provisioned, "backup.drill", "wiki") as under_way:
        told = {"proven": {"snapshot": drilled(1)}}
        under_way.observe(under_way.state.model_copy(update=told))
        made = under_way.state.instances["main"].id
    tags.put(cloud, [made], {tags.COMPONENT: "wiki"})
    yield provisioned
    tags.put(cloud, [made], {tags.COMPONENT: name})  # other tests' wikis are in the same account


def backed_up(repo: Repository, **policy: object) -> None:
    """Commit what of the wiki's backup is declared."""
    path = repo.path / "components" / "wiki.yaml"
    told = yaml.safe_load(path.read_text())
    told["backup"] |= {"before": [], "after": [], "copy_to": None, "fall_back_to": None, **policy}
    path.write_text(yaml.safe_dump(told))
    repo.git.run("-c", "user.name=p", "-c", "user.email=p@x", "commit", "-qam", "another policy")


def end(repo: Repository, now: datetime = NOW, **given: Any) -> bool:
    given = {"tell": lambda line: None, **given}
    return retire(repo, "wiki", bool, now=lambda: now, **given)


def last(repo: Repository) -> SnapshotState:
    found = repo.state("wiki").snapshot
    assert found is not None
    return found


def dying(number: int) -> Callable[[str], None]:
    """Return who hears of steps and dies before the NUMBERth."""
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        if len(heard) == number:
            raise KeyboardInterrupt

    return hear


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


def test_its_last_snapshot_is_copied_where_that_is_declared(wiki: Repository) -> None:
    backed_up(wiki, level="crash", copy_to="us-west-2")
    assert end(wiki)
    found = wiki.state("wiki").retirement
    assert found is not None
    assert found.snapshots == last(wiki).ids
    assert last(wiki).copies.keys() == {"data"}


def test_of_an_instance_that_is_stopped_nothing_is_frozen(wiki: Repository, cloud: Cloud) -> None:
    backed_up(wiki, level="filesystem")
    instances.stop(cloud, wiki.state("wiki").instances["main"].id)
    assert end(wiki)
    assert last(wiki).level == "crash"
    assert "was stopped" in last(wiki).unlisted
    assert wiki.state("wiki").retirement is not None


def test_an_instance_that_still_stops_is_waited_for_before_its_last_snapshot(
    wiki: Repository, cloud: Cloud, server: Server
) -> None:
    backed_up(wiki, level="filesystem")
    made = wiki.state("wiki").instances["main"].id
    set_state(server, made, "hangs")
    instances.stop(cloud, made)
    later = Timer(2, set_state, (server, made, "ok"))
    later.start()
    assert end(wiki)
    later.join()
    assert "was stopped" in last(wiki).unlisted


def test_killed_before_any_step_and_run_again_it_is_complete(
    wiki: Repository, cloud: Cloud
) -> None:
    backed_up(wiki, level="crash")
    old = wiki.state("wiki").instances["main"].id
    for number in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            end(wiki, tell=dying(number))
        assert wiki.state("wiki").retirement is None
    assert end(wiki)
    for number in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            end(wiki, LATER, tell=dying(number))
    assert end(wiki, LATER)
    found = instances.get(cloud, old)
    assert found is not None
    assert found.state == "terminated"
    assert not end(wiki, LATER)


def test_no_data_volume_ends_with_its_instance(wiki: Repository, cloud: Cloud) -> None:
    backed_up(wiki, level="crash")
    made = wiki.state("wiki").instances["main"]
    cloud.ec2.modify_instance_attribute(
        InstanceId=made.id,
        BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": True}}],
    )
    end(wiki)
    end(wiki, LATER)
    assert volumes.get(cloud, made.volumes["data"].id) is not None


def test_what_could_not_be_ended_stays_protected(fleet: Fleet) -> None:
    fleet.provision()
    give_up(fleet, NOW)
    fleet.server.faults.add(Fault("TerminateInstances", code="UnsupportedOperation"))
    with pytest.raises(OpsError, match="UnsupportedOperation"):
        give_up(fleet, LATER)
    with pytest.raises(OpsError, match="OperationNotPermitted"):
        instances.terminate(cloud(fleet.repo), fleet.instance().id)


def test_what_is_taken_back_is_protected_again(fleet: Fleet) -> None:
    fleet.provision()
    give_up(fleet, NOW)
    instances.protect(cloud(fleet.repo), fleet.instance().id, on=False)
    give_up(fleet, NOW, undo=True)
    with pytest.raises(OpsError, match="OperationNotPermitted"):
        instances.terminate(cloud(fleet.repo), fleet.instance().id)
