"""Replacing an instance: the lab's AWS, real sshd hosts; volumes are tests/lab's matter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace as changed
from threading import Timer
from types import SimpleNamespace
from typing import Any

import pytest

from ops import run
from ops.cloud import addresses, instances, tags, volumes
from ops.cloud.calls import Wait
from ops.errors import OpsError, Refused, UsageError
from ops.fleet import halt, replace_steps
from ops.fleet.replace import replace
from ops.fleet.replace_plan import opening
from ops.fleet.replace_state import fold
from ops.fleet.replace_steps import Transition
from ops.inventory import machine
from ops.inventory.journal import Journal
from ops.inventory.locks import Holder, component_lock
from ops.inventory.schema import (
    DrillState,
    InstanceState,
    ReplacementState,
    RetirementState,
    State,
    VolumeState,
)
from ops.lab.aws.faults import Fault
from ops.plan import Step
from ops.remote.connection import connect
from ops.run import cloud, endpoint
from tests.support.aws import set_state
from tests.support.fleet import PLAIN, SOON, Fleet, fleet

__all__ = ["fleet"]

NOW = "2026-11-22T00:00:00Z"
NAMES = """
names: [{name: wiki.example.edu., campus: 192.0.2.1}]
probes: [{name: page, kind: ssh}]
"""


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let services, which these hosts have none of, settle for a moment only."""
    monkeypatch.setattr(replace_steps, "SETTLING", 0.05)


def succeed(fleet: Fleet, **given: Any) -> bool:
    """Replace the wiki's instance, as a person who says yes."""
    fleet.told.clear()
    given = {"agree": lambda plan: True, "tell": fleet.told.append, "patience": SOON, **given}
    return replace(fleet.repo, "wiki", given.pop("agree"), **given)


def state_in_aws(fleet: Fleet, instance: InstanceState) -> str:
    found = instances.get(cloud(fleet.repo), instance.id)
    return found.state if found else ""


def test_the_successor_has_the_name_and_the_old_one_is_kept_stopped(fleet: Fleet) -> None:
    fleet.provision()
    old, pinned = fleet.instance(), fleet.repo.pinned("wiki.cloud.main")
    assert succeed(fleet)
    new = fleet.instance()
    assert (new.generation, new.ready) == (2, True)
    assert state_in_aws(fleet, old) == "stopped"
    assert fleet.repo.state("wiki").former[old.id].why == "replaced"
    assert fleet.repo.pinned("wiki.cloud.main") not in {pinned, None}
    assert fleet.repo.pinned("wiki.cloud.main.next") is None
    connect(endpoint(fleet.repo, "wiki", "cloud")).close()
    assert not fleet.provision()


def test_the_plan_alone_changes_nothing(fleet: Fleet) -> None:
    fleet.provision()
    before = fleet.instance()
    assert not succeed(fleet, agree=lambda plan: False)
    assert fleet.instance() == before
    assert fleet.repo.state("wiki").replacements == {}


def test_the_elastic_ip_goes_to_the_successor(fleet: Fleet) -> None:
    fleet.reach_by("private")
    fleet.declare({"instances": {"main": {**PLAIN["instances"]["main"], "elastic_ip": True}}})
    fleet.provision()
    (before,) = addresses.find(cloud(fleet.repo), {tags.COMPONENT: "wiki"})
    succeed(fleet)
    (after,) = addresses.find(cloud(fleet.repo), {tags.COMPONENT: "wiki"})
    assert (after.address, after.instance) == (before.address, fleet.instance().id)
    assert fleet.instance().public_address == before.address
    assert not fleet.provision()


def test_where_every_reply_gets_lost_nothing_is_doubled(fleet: Fleet) -> None:
    fleet.reach_by("private")
    fleet.declare({"instances": {"main": {**PLAIN["instances"]["main"], "elastic_ip": True}}})
    fleet.provision()
    actions = ("RunInstances", "StopInstances", "DisassociateAddress", "AssociateAddress")
    fleet.server.faults.add(*(Fault(action, "lost") for action in actions))
    succeed(fleet)
    assert not fleet.server.faults.pending()
    ours, aws = {tags.COMPONENT: "wiki"}, cloud(fleet.repo)
    (running,) = instances.find(aws, ours, ("running",))
    (address,) = addresses.find(aws, ours)
    assert (running.id, address.instance) == (fleet.instance().id, fleet.instance().id)
    assert len(instances.find(aws, ours)) == 2
    assert not fleet.provision()


def test_a_successor_that_never_comes_up_leaves_everything_as_it_was(fleet: Fleet) -> None:
    fleet.provision()
    old = fleet.instance()
    fleet.hosts.silent = True
    with pytest.raises(OpsError, match="no ssh after") as failed:
        succeed(fleet, patience=changed(SOON, limit=0.5))
    assert "Everything is as it was" in failed.value.hint
    assert fleet.instance() == old
    assert state_in_aws(fleet, old) == "running"
    ((given_up, told),) = fleet.repo.state("wiki").former.items()
    assert told.why == "given up"
    assert given_up in failed.value.hint
    fleet.hosts.silent = False
    assert not fleet.provision()
    succeed(fleet)
    assert fleet.instance().generation == 3


def test_where_going_back_fails_too_the_next_run_goes_on(fleet: Fleet) -> None:
    fleet.provision()
    old = fleet.instance()
    fault = Fault("StopInstances", "error", times=9, code="UnauthorizedOperation", status=403)
    fleet.server.faults.add(fault)
    with pytest.raises(OpsError) as failed:
        succeed(fleet)
    assert "Going back failed too" in failed.value.hint
    fleet.server.faults.clear()
    with pytest.raises(Refused, match="replacement of main is not at its end"):
        fleet.provision()
    assert succeed(fleet)
    assert state_in_aws(fleet, old) == "stopped"
    assert fleet.instance().generation == 2


def test_an_old_instance_that_still_stops_is_waited_for_on_the_way_back(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.provision()
    old = fleet.instance()
    set_state(fleet.server, old.id, "hangs")
    usual = halt.PATIENCE
    monkeypatch.setattr(halt, "PATIENCE", Wait(delay=0.2, attempts=20))
    later = Timer(1, set_state, (fleet.server, old.id, "ok"))

    def tell(line: str) -> None:
        fleet.told.append(line)
        if line.startswith("going back"):
            monkeypatch.setattr(halt, "PATIENCE", usual)
            later.start()

    with pytest.raises(OpsError, match="not stopped after 4 seconds") as failed:
        succeed(fleet, tell=tell)
    later.join()
    assert f"Everything is as it was, on {old.id}" in failed.value.hint
    assert state_in_aws(fleet, old) == "running"


def test_on_the_way_back_the_addresses_of_the_old_instance_are_recorded() -> None:
    told = {"id": "i-1", "type": "t", "zone": "z", "image": "ami-1", "group": "sg-1"}
    old = InstanceState.model_validate({**told, "private_address": "10.0.0.5"})
    opened = ReplacementState(old=old, ran=True)
    state = State(instances={"main": old}, replacements={"main": opened})
    step = Step("old.start", "wiki.cloud.main", "start i-1 again", {"slot": "main", "id": "i-1"})
    after = fold(state, step, {"public_address": "203.0.113.9", "answers": True})
    assert after.instances["main"].public_address == "203.0.113.9"
    assert after.replacements == state.replacements


def test_killed_before_any_step_and_run_again_it_is_complete(fleet: Fleet) -> None:
    fleet.provision()
    for number in range(1, 8):
        old = fleet.instance()
        with pytest.raises(KeyboardInterrupt):
            succeed(fleet, tell=killer(number))
        assert succeed(fleet)
        assert fleet.instance().generation == number + 1
        assert state_in_aws(fleet, old) == "stopped"
        alive = instances.find(cloud(fleet.repo), {tags.COMPONENT: "wiki"}, ("running",))
        assert [one.id for one in alive] == [fleet.instance().id]
        assert fleet.repo.state("wiki").replacements == {}
    assert not fleet.provision()


def test_killed_in_its_last_step_it_is_complete_at_once(fleet: Fleet) -> None:
    fleet.declare({**PLAIN, "packages": ["coreutils"]})  # so that there is something to be asked
    fleet.provision()
    with dying_in("replacement.close"), pytest.raises(KeyboardInterrupt):
        succeed(fleet)
    assert succeed(fleet)
    assert fleet.instance().generation == 2
    assert fleet.repo.state("wiki").replacements == {}
    assert not fleet.provision()


def test_killed_at_the_end_of_its_way_back_it_goes_on(fleet: Fleet) -> None:
    fleet.provision()
    old = fleet.instance()
    with failing_check(), dying_in("replacement.undo"), pytest.raises(KeyboardInterrupt):
        succeed(fleet)
    assert succeed(fleet)
    assert fleet.instance().generation == 2
    assert state_in_aws(fleet, old) == "stopped"
    assert not fleet.provision()


def test_killed_in_the_switch_it_can_go_back_to_a_host_that_is_known(fleet: Fleet) -> None:
    fleet.provision()
    old, pinned = fleet.instance(), fleet.repo.pinned("wiki.cloud.main")
    with dying_in("successor.switch"), pytest.raises(KeyboardInterrupt):
        succeed(fleet)
    assert fleet.repo.pinned("wiki.cloud.main") != pinned
    with failing_check(), pytest.raises(OpsError) as failed:
        succeed(fleet)
    assert f"Everything is as it was, on {old.id}" in failed.value.hint
    assert fleet.repo.pinned("wiki.cloud.main") == pinned
    assert fleet.repo.pinned("wiki.cloud.main.next") is None
    assert not any("can't be reached" in line for line in fleet.told)
    connect(endpoint(fleet.repo, "wiki", "cloud")).close()
    assert not fleet.provision()


def test_one_that_can_not_be_completed_is_given_up(fleet: Fleet) -> None:
    fleet.provision()
    old = fleet.instance()
    assert not succeed(fleet, undo=True, agree=bool)
    with dying_in("services.check"), pytest.raises(KeyboardInterrupt):
        succeed(fleet)
    assert state_in_aws(fleet, old) == "stopped"
    assert succeed(fleet, undo=True)
    assert (fleet.instance().id, state_in_aws(fleet, old)) == (old.id, "running")
    assert [one.why for one in fleet.repo.state("wiki").former.values()] == ["given up"]
    assert not fleet.provision()


def test_a_fault_of_this_machine_leads_back_too(fleet: Fleet) -> None:
    fleet.provision()
    old = fleet.instance()
    with failing_check(OSError(28, "No space left")), pytest.raises(OpsError) as failed:
        succeed(fleet)
    assert "No space left" in failed.value.message
    assert f"Everything is as it was, on {old.id}" in failed.value.hint
    assert state_in_aws(fleet, old) == "running"


def test_what_was_made_anew_for_a_successor_that_failed_is_the_old_ones(fleet: Fleet) -> None:
    fleet.provision()
    old = fleet.instance()
    volume = {"size_gib": 1, "device": "/dev/sdf", "mount": "/srv/wiki"}
    fleet.declare(
        {"instances": {"main": {**PLAIN["instances"]["main"], "volumes": {"data": volume}}}}
    )
    with dying_in("volume.attach", OpsError("the disk is full")), pytest.raises(OpsError):
        succeed(fleet)
    made = fleet.instance().volumes["data"]
    found = volumes.get(cloud(fleet.repo), made.id)
    assert found is not None
    assert found.instance == ""
    fleet.provision(agree=lambda plan: fleet.plans.extend(plan.lines()))
    assert any(f"attach data ({made.id})" in line for line in fleet.plans)
    assert fleet.instance().id == old.id


def test_what_was_given_up_is_not_replaced(fleet: Fleet) -> None:
    fleet.provision()
    told = {"run": "r", "since": NOW, "due": NOW, "snapshots": {}}
    observe(fleet, {"retirement": RetirementState.model_validate(told)})
    with pytest.raises(Refused, match="wiki was retired"):
        succeed(fleet)


def test_a_proven_snapshot_that_is_gone_is_noticed_before_anything_stops(fleet: Fleet) -> None:
    fleet.provision()
    place = {"size_gib": 1, "device": "/dev/sdf", "filesystem": "ext4", "mount": "/srv/wiki"}
    fleet.declare(
        {"instances": {"main": {**PLAIN["instances"]["main"], "volumes": {"data": place}}}}
    )
    volume = VolumeState(id="vol-1", size_gib=1, created_by="r")
    holding = fleet.instance().model_copy(update={"volumes": {"data": volume}})
    part = {"slot": "main", "name": "data", "backup": "snap-1", "verdict": "proven"}
    told = {"run": "r", "at": NOW, "of": "s", "taken": NOW, "verdict": "proven", "seconds": 1.0}
    drill = DrillState.model_validate({**told, "parts": [part]})
    observe(fleet, {"instances": {"main": holding}, "proven": {"snapshot": drill}})
    with pytest.raises(Refused, match="snap-1 is not there any more"):
        succeed(fleet, from_snapshot=True)


def test_a_successor_without_an_address_is_not_begun(fleet: Fleet) -> None:
    fleet.provision()
    fleet.declare({"instances": {"main": {**PLAIN["instances"]["main"], "elastic_ip": True}}})
    ec2 = cloud(fleet.repo).ec2
    for one in ec2.describe_subnets()["Subnets"]:
        ec2.modify_subnet_attribute(SubnetId=one["SubnetId"], MapPublicIpOnLaunch={"Value": False})
    with pytest.raises(Refused, match="no public address to be reached by"):
        succeed(fleet)


def observe(fleet: Fleet, changes: dict[str, Any]) -> None:
    """Let a run change the wiki's state."""
    with run.begin(fleet.repo, "provision", "wiki") as under_way:
        under_way.observe(under_way.state.model_copy(update=changes))


def test_a_dead_instance_is_replaced_and_there_is_no_way_back(fleet: Fleet) -> None:
    fleet.provision()
    aws, old = cloud(fleet.repo), fleet.instance()
    instances.protect(aws, old.id, on=False)
    instances.terminate(aws, old.id)
    fleet.hosts.silent = True
    with pytest.raises(OpsError) as failed:
        succeed(fleet, patience=changed(SOON, limit=0.5))
    assert "no way back, as the old one has ended" in failed.value.hint


def test_what_was_never_provisioned_has_no_successor(fleet: Fleet) -> None:
    with pytest.raises(UsageError, match="no instance main that was provisioned"):
        succeed(fleet)


def test_later_packages_perform_their_switches(fleet: Fleet) -> None:
    fleet.provision()
    path = fleet.repo.path / "components/wiki.yaml"
    path.write_text(path.read_text() + NAMES)
    fleet.repo.git.commit(["components/wiki.yaml"], "Name it", machine.person())
    done: list[str] = []
    succeed(fleet, later={"names.switch": lambda step: done.append(step.words)})
    assert done == ["point wiki.example.edu. to the successor"]
    assert any("by hand" in line and "monitoring" in line for line in fleet.told)


def test_a_volume_that_is_no_longer_declared_needs_no_snapshot() -> None:
    volume = {"id": "vol-1", "size_gib": 1, "created_by": "run-1"}
    told = {"id": "i-1", "type": "t3.small", "zone": "us-east-1a", "image": "ami-1"}
    told |= {"group": "sg-1", "private_address": "10.0.0.5"}
    state = State.model_validate({"instances": {"main": {**told, "volumes": {"tmp": volume}}}})
    found = opening(state, "main", None, set(), set(), from_snapshot=False)
    assert found.snapshots == {}
    with pytest.raises(Refused, match="no proven snapshot holds tmp"):
        opening(state, "main", None, set(), {"tmp"}, from_snapshot=False)


def test_a_task_at_work_on_the_component_is_named(fleet: Fleet) -> None:
    fleet.provision()
    holder = Holder("provision", "run-1", 4711, "2026-11-22T17:00:00Z")
    before = fleet.calls("DescribeInstances")
    with (
        component_lock(fleet.repo.var, "wiki", holder),
        pytest.raises(Refused, match=r"provision \(run run-1, process 4711\)"),
    ):
        succeed(fleet)
    assert fleet.calls("DescribeInstances") == before


def test_a_volume_is_not_torn_from_an_instance_that_runs(fleet: Fleet) -> None:
    fleet.provision()
    aws, instance = cloud(fleet.repo), fleet.instance().id
    made = volumes.create(aws, volumes.Order("token", "us-east-1a", 1, {tags.COMPONENT: "wiki"}))
    volumes.attach(aws, made.id, instance, "/dev/sdf")
    work: Any = SimpleNamespace(cloud=aws)
    detach = Transition(work, work, work).by_kind({})["volume.detach"]
    with pytest.raises(Refused, match=f"{instance} is running: {made.id} is not torn from it"):
        detach(Step("volume.detach", "main/data", "", {"id": made.id, "instance": instance}))
    found = volumes.get(aws, made.id)
    assert found
    assert found.instance == instance


@contextmanager
def dying_in(kind: str, error: BaseException | None = None) -> Iterator[None]:
    """Die, or fail, when a step of this kind has been performed, before that is on disk."""
    real, under = Journal.append, [""]

    def append(journal: Journal, event: str, **told: Any) -> None:
        if event == "step":
            under[0] = told["step"]["kind"]
        if event == "done" and under[0] == kind:
            raise error or KeyboardInterrupt
        real(journal, event, **told)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", append)
        yield


@contextmanager
def failing_check(error: Exception | None = None) -> Iterator[None]:
    """Let every successor lack something when it is looked at."""

    def lacking(_: Transition, step: Step) -> None:
        raise error or OpsError("a service of the successor does not run")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transition, "_check", lacking)
        yield


def killer(number: int) -> Any:
    """Return who hears of steps and dies before the NUMBERth."""
    heard: Iterator[int] = iter(range(1, 100))

    def hear(line: str) -> None:
        if line[0] in "+~±!" and next(heard) == number:
            raise KeyboardInterrupt

    return hear
