"""Steps and performers belong to each other, and what AWS does to a step doubles nothing."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import botocore.endpoint
import pytest

import ops.cloud.calls
from ops.cloud import addresses, groups, instances, tags, volumes, zones
from ops.cloud.errors import CloudError
from ops.errors import Incomplete, OpsError
from ops.lab.aws.faults import Fault
from ops.provision.performers import Performers
from ops.provision.worksite import open_site
from ops.remote.command import command
from ops.run import cloud
from tests.provision.test_apply import CREATING, VOLUME, changed
from tests.provision.world import World
from tests.support.fleet import SOON, Fleet

REHEARSALS = 2
"""Calls to RunInstances that start nothing: one a plan."""


def one_of_each(fleet: Fleet) -> bool:
    """Return whether AWS has one of all that a component with an Elastic IP address needs."""
    aws, ours = cloud(fleet.repo), {tags.COMPONENT: "wiki"}
    made = (instances.find(aws, ours), groups.find(aws, ours), addresses.find(aws, ours))
    return [len(one) for one in made] == [1, 1, 1]


def test_every_kind_of_step_has_one_performer_and_a_stand_in() -> None:
    performers = Performers(cast("Any", None), cast("Any", None)).by_kind()
    known = {name.removeprefix("_do_") for name in dir(World) if name.startswith("_do_")}
    assert {kind.replace(".", "_") for kind in performers} == known


def test_with_the_reply_lost_to_every_call_that_makes_something_nothing_is_doubled(
    fleet: Fleet,
) -> None:
    fleet.reach_by("private")
    fleet.declare(changed(elastic_ip=True))
    making = ("AuthorizeSecurityGroupIngress", "AllocateAddress", "AssociateAddress")
    fleet.server.faults.add(Fault("RunInstances", "lost", skip=REHEARSALS))
    fleet.server.faults.add(
        *(Fault(call, "lost") for call in ("CreateSecurityGroup", "ImportKeyPair", *making))
    )
    fleet.provision()
    assert fleet.server.faults.pending() == ()
    assert one_of_each(fleet)
    assert not fleet.provision()


def test_a_minute_of_throttling_is_waited_out(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) >= 60:
            fleet.server.faults.clear()

    for module in (ops.cloud.calls, botocore.endpoint):
        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=sleep))
    fleet.server.faults.add(Fault("RunInstances", "throttle", skip=REHEARSALS, times=10_000))
    assert fleet.provision()
    assert sum(slept) >= 60
    assert len(instances.find(cloud(fleet.repo), {tags.COMPONENT: "wiki"})) == 1


@pytest.mark.parametrize("call", ["RunInstances", "CreateVolume"])
def test_where_every_reply_was_lost_the_next_run_finds_what_was_made(
    fleet: Fleet, call: str
) -> None:
    fleet.declare(changed(volumes={"data": VOLUME}))
    fleet.hosts.silent = True
    skip = REHEARSALS if call == "RunInstances" else 0
    fleet.server.faults.add(Fault(call, "lost", skip=skip, times=100))
    with pytest.MonkeyPatch.context() as impatient, pytest.raises(CloudError) as lost:
        for module in (ops.cloud.calls, botocore.endpoint):
            impatient.setattr(module, "time", SimpleNamespace(sleep=lambda seconds: None))
        fleet.provision()
    assert lost.value.uncertain
    fleet.server.faults.clear()
    with pytest.raises(OpsError):
        fleet.provision(patience=replace(SOON, limit=0.2))
    aws, ours = cloud(fleet.repo), {tags.COMPONENT: "wiki"}
    assert [one.id for one in instances.find(aws, ours)] == [fleet.instance().id]
    (data,) = volumes.find(aws, {**ours, tags.VOLUME: "data"})
    assert fleet.instance().volumes["data"].id == data.id
    runs = list(fleet.repo.runs("wiki"))
    expected = runs[-1] if call == "CreateVolume" else runs[0]
    assert fleet.instance().volumes["data"].created_by == expected


def test_a_group_of_our_name_that_is_anothers_is_refused_before_anything_is_made(
    fleet: Fleet,
) -> None:
    aws = cloud(fleet.repo)
    groups.create(aws, "ops-wiki-main", zones.default_vpc(aws), "theirs", {"team": "another"})
    before = fleet.calls(*CREATING)
    with pytest.raises(OpsError, match="ops-wiki-main"):
        fleet.provision()
    assert instances.find(aws, {tags.COMPONENT: "wiki"}) == ()
    assert fleet.calls("ImportKeyPair", "CreateVolume") == 0
    assert fleet.calls("CreateSecurityGroup") <= before + 1


def test_no_capacity_anywhere_leaves_it_incomplete_and_is_made_good_by_the_next_run(
    fleet: Fleet,
) -> None:
    code = "InsufficientInstanceCapacity"
    fleet.server.faults.add(Fault("RunInstances", "error", skip=REHEARSALS, code=code, status=400))
    with pytest.raises(Incomplete, match="no capacity for any declared type and zone"):
        fleet.provision()
    assert fleet.provision()
    assert fleet.instance().ready


def test_what_gets_an_elastic_ip_is_reached_by_it_from_then_on(fleet: Fleet) -> None:
    """An address takes the place of the one that the open connection goes to."""
    fleet.provision()
    fleet.declare(changed(elastic_ip=True))
    own = {tags.COMPONENT: "wiki", tags.SLOT: "main", tags.NAME: "wiki-main"}
    taken = addresses.allocate(cloud(fleet.repo), own)
    with open_site(fleet.repo, "wiki", fleet.told.append, SOON) as work:
        state = fleet.repo.state("wiki")
        give, instance = work.plan(state).steps[0], instances.get(work.cloud, fleet.instance().id)
        assert instance
        work.connect(work.desired("main"), instance)
        fleet.hosts.move(instance.id, taken.address)
        Performers(work, cast("Any", SimpleNamespace(state=state))).by_kind()[give.kind](give)
        assert work.hosts["main"].run(command("true")).code == 0


def test_a_group_that_ec2_does_not_show_yet_is_used_by_its_id(fleet: Fleet) -> None:
    with open_site(fleet.repo, "wiki", fleet.told.append, SOON) as work:
        make, opening, *_ = work.plan(fleet.repo.state("wiki")).steps
        performers = Performers(work, cast("Any", None)).by_kind()
        performers[make.kind](make)
        hidden = Fault("DescribeSecurityGroups", "error", times=9, code="InvalidGroup.NotFound")
        fleet.server.faults.add(hidden)
        performers[opening.kind](opening)
    fleet.server.faults.clear()
    (group,) = groups.find(cloud(fleet.repo), {tags.COMPONENT: "wiki"})
    assert len(group.inbound) == 1
