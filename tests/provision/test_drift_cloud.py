"""Drift in AWS; the cases that are data cover the hosts' drift too."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.cloud.instances import Attachment
from ops.cloud.status import Event, Health
from ops.errors import Refused
from ops.inventory.schema import RootVolume as Disk
from ops.provision import drift_cloud, drift_host
from ops.provision.drift import Finding, Sight
from ops.provision.observed import Known
from ops.provision.plan import Slot
from tests.provision.test_plan import PLANS, REFUSALS, world
from tests.provision.world import World

DRIFT = yaml.safe_load((Path(__file__).parents[1] / "cases/provision/drift.yaml").read_text())
STANDING = [case for case in (*PLANS, *REFUSALS) if case["start"] == "provisioned"]


def slot(made: World) -> Slot:
    """Return the world's slot, also one that no plan can be made for."""
    try:
        return made.slot()
    except Refused:
        recorded = made.state.instances.get("main")
        known = Known(recorded, made.pinned, frozenset(made.kept), tuple(made.claims))
        return Slot(made.desired, made.account, known, made.host if made.pinned else None)


def found(made: World, **sight: Any) -> list[Finding]:
    """Return all drift of a world's slot."""
    seen = Sight(slot(made), **sight)
    return [*drift_cloud.findings(seen), *drift_host.findings(seen)]


def told(findings: list[Finding]) -> list[str]:
    return [f"{one.kind}: {one.subject}: {one.declared}, not {one.found}" for one in findings]


def provisioned(**case: Any) -> World:
    return world({"start": "provisioned", **case})


@pytest.mark.parametrize("case", DRIFT, ids=lambda case: case["case"])
def test_the_drift_is_as_written(case: dict[str, Any]) -> None:
    findings = found(provisioned(**case))
    assert told(findings) == case["drift"]
    assert all(one.todo.endswith(".") for one in findings)


@pytest.mark.parametrize("case", STANDING, ids=lambda case: case["case"])
def test_there_is_drift_wherever_a_plan_has_something_to_do_or_to_refuse(
    case: dict[str, Any],
) -> None:
    made = world(case)
    try:
        needed = bool(made.plan()) or bool(made.plan().notes)
    except Refused:
        needed = True
    assert bool(found(made)) == needed


def test_a_slot_that_was_never_provisioned_has_none() -> None:
    assert found(world({"start": "bare"})) == []


def test_a_failed_check_and_an_event_are_told_with_what_to_do() -> None:
    event = Event("instance-retirement", "going away", datetime(2026, 12, 1, 3, tzinfo=UTC), None)
    findings = found(provisioned(), health=Health("impaired", "ok", "", (event,)))
    assert told(findings) == [
        "impaired: instance i-1: ok, not the system check fails",
        "event: instance i-1: none, not instance-retirement from 2026-12-01 03:00 UTC: going away",
    ]
    assert all("stop and start i-1" in one.todo.lower() for one in findings)


def test_a_root_volume_of_another_size_is_drift() -> None:
    made = provisioned()
    root = replace(made.account.volumes[0], id="vol-root", size_gib=99, tags={})
    assert told(found(made, root=root)) == [
        "changed: size of the root volume vol-root: 10 GiB, not 99 GiB"
    ]


def test_a_root_volume_of_other_speed_or_without_our_tags_is_drift() -> None:
    made = provisioned()
    root = replace(
        made.account.volumes[0], id="vol-root", size_gib=10, iops=9, throughput=8, tags={}
    )
    changed = Disk(size_gib=10, iops=3000, throughput=125)
    instance = made.desired.instance.model_copy(update={"root": changed})
    made.desired = replace(made.desired, instance=instance)
    assert told(found(made, root=root)) == [
        "changed: iops of the root volume vol-root: 3000, not 9",
        "changed: throughput of the root volume vol-root: 125, not 8",
    ]
    made.set_instance({"attachments": (Attachment("vol-root", "/dev/xvda", True),)})
    assert told(found(made)) == [
        "changed: root volume vol-root: with our tags, not without them: what it is like is not "
        "known"
    ]


def test_a_second_volume_of_a_name_is_drift_and_a_former_instances_one_a_note() -> None:
    made = provisioned()
    second = replace(made.account.volumes[0], id="vol-2", instance="", state="available")
    made.account = replace(made.account, volumes=(*made.account.volumes, second))
    assert told(found(made)) == [
        "unknown: volume data (vol-2): one volume, not 20 GiB, attached to none"
    ]
    kept = (made.account.volumes[0], replace(second, instance="i-0"))
    made.account = replace(made.account, volumes=kept, former=frozenset({"i-0"}))
    assert found(made) == []
    assert list(drift_cloud.notes(Sight(slot(made)), {})) == [
        "wiki.cloud.main: i-0, its former instance, has a data too (vol-2, 20 GiB)"
    ]


def test_a_data_volume_that_would_end_with_its_instance_is_drift() -> None:
    made = provisioned()
    made.set_instance({"attachments": (Attachment("vol-1", "/dev/sdf", True),)})
    assert told(found(made)) == [
        "changed: volume vol-1: kept on termination, not ends with the instance"
    ]


def test_a_predecessor_that_is_kept_stopped_is_no_drift_and_a_running_one_is() -> None:
    made = provisioned()
    (now,) = made.account.instances
    old = replace(now, id="i-0", state="stopped")
    made.account = replace(made.account, instances=(old, now), former=frozenset({"i-0"}))
    assert found(made) == []
    made.account = replace(made.account, instances=(replace(old, state="running"), now))
    assert [(one.kind, one.subject) for one in found(made)] == [("unknown", "instance i-0")]


def test_an_address_of_its_own_that_went_is_drift() -> None:
    target = {"instances": {"main": {"type": "t3.small", "zone": "us-east-1a", "elastic_ip": True}}}
    made = provisioned(target=target)
    made.set_instance({"public_address": "198.51.100.1"})
    made.state = made.state.model_copy(
        update={
            "instances": {
                "main": made.state.instances["main"].model_copy(
                    update={"public_address": "198.51.100.1"}
                )
            }
        }
    )
    assert told(found(made)) == ["unattached: Elastic IP address: 203.0.113.7, not 198.51.100.1"]
