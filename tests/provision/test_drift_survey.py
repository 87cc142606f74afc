"""Drift from end to end: the lab's AWS, real sshd hosts, a real inventory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from ops import run
from ops.cloud import addresses, groups, instances, tags, volumes
from ops.cloud.launch import Disk, Launch
from ops.errors import UsageError
from ops.inventory import machine
from ops.inventory.schema import FormerState
from ops.lab.aws.images import IMAGE, ROOT_DEVICE
from ops.provision.drift import Report
from ops.provision.drift_survey import look
from ops.run import cloud
from tests.support import fleet as stand_in
from tests.support.fleet import PLAIN, Fleet

fleet = stand_in.fleet


def told(report: Report) -> list[tuple[str, str]]:
    return [(one.kind, one.subject) for one in report.findings]


def test_after_a_provisioning_there_is_none(fleet: Fleet) -> None:
    fleet.provision()
    report = look(fleet.repo)
    assert (told(report), report.gaps, report.notes) == ([], (), ())


def test_each_host_is_asked_by_one_connection_and_aws_by_seven_calls(fleet: Fleet) -> None:
    fleet.provision()
    (host,) = fleet.hosts.running.values()
    before = host.log.count("Accepted publickey")
    fleet.server.faults.clear()
    look(fleet.repo)
    assert host.log.count("Accepted publickey") == before + 1
    assert fleet.server.faults.calls() == {
        "DescribeAddresses": 1,
        "DescribeInstanceStatus": 1,
        "DescribeInstances": 1,
        "DescribeKeyPairs": 1,
        "DescribeSecurityGroups": 1,
        "DescribeVolumes": 2,
    }


def test_what_a_killed_drill_left_is_told_and_what_one_at_work_made_is_not(fleet: Fleet) -> None:
    aws, names = cloud(fleet.repo), {tags.DRILL_OF: "wiki", tags.SLOT: "scratch/main"}
    with run.begin(fleet.repo, "backup.drill", "wiki") as at_work:
        for made_by in (at_work.id, "a-dead-run"):
            own = {**names, tags.DRILL: made_by}
            volumes.create(aws, volumes.Order(made_by[-20:], "us-east-1a", 1, own))
        (one,) = look(fleet.repo).findings
    assert (one.component, one.kind) == ("wiki", "unknown")
    assert "made by a-dead-run" in one.found
    assert len(look(fleet.repo).findings) == 2


def test_what_is_kept_of_a_replaced_instance_is_a_note(fleet: Fleet) -> None:
    fleet.provision()
    old, aws = fleet.instance(), cloud(fleet.repo)
    own = {tags.COMPONENT: "wiki", tags.SLOT: "main", tags.GENERATION: "0"}
    launch = Launch("old", IMAGE, "t3.small", "us-east-1a", "", (), Disk(ROOT_DEVICE, 10), own)
    fleet.hosts.silent = True
    kept = instances.run(aws, launch)
    instances.stop(aws, kept.id)
    told_of = {"slot": "main", "generation": 0, "why": "replaced", "run": "r"}
    with run.begin(fleet.repo, "provision.replace", "wiki") as under_way:
        former = FormerState.model_validate({**told_of, "since": "2026-11-01T00:00:00Z"})
        under_way.observe(under_way.state.model_copy(update={"former": {kept.id: former}}))
    report = look(fleet.repo)
    assert told(report) == []
    assert [note.partition(" and is")[0] for note in report.notes] == [
        f"wiki.cloud.main: {kept.id} was replaced on 2026-11-01"
    ]
    assert fleet.instance() == old


def test_a_group_opened_by_hand_is_told(fleet: Fleet) -> None:
    fleet.provision()
    rule = groups.Rule("tcp", 3306, 3306, "0.0.0.0/0")
    groups.allow(cloud(fleet.repo), fleet.instance().group, rule)
    (one,) = look(fleet.repo, ["wiki"]).findings
    assert (one.kind, one.found) == ("opened", "open (everyone)")
    assert "fab provision app=wiki" in one.todo


def test_a_host_with_another_key_is_told_and_sent_nothing(fleet: Fleet) -> None:
    fleet.provision()
    (host,) = fleet.hosts.running.values()
    fleet.repo.pin(
        "wiki.cloud.main",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICpYAhoQQmHhjv2dIE7ZSSsaXFRqgpnHEWheZm64ECNV",
    )
    before = host.log.count("Accepted publickey")
    report = look(fleet.repo)
    assert {kind for kind, _ in told(report)} == {"host key"}
    assert report.gaps == ()
    assert host.log.count("Accepted publickey") == before


def test_a_host_that_does_not_answer_is_a_gap_and_no_drift(fleet: Fleet) -> None:
    fleet.provision()
    (host,) = fleet.hosts.running.values()
    host.stop()
    report = look(fleet.repo)
    assert told(report) == []
    assert [gap.subject for gap in report.gaps] == ["wiki.cloud.main"]


def test_a_stopped_instance_is_told_and_not_dialled(fleet: Fleet) -> None:
    fleet.provision()
    instances.stop(cloud(fleet.repo), fleet.instance().id)
    report = look(fleet.repo)
    assert [kind for kind, _ in told(report)] == ["stopped"]
    assert report.gaps == ()


def test_what_is_not_provisioned_yet_is_a_note(fleet: Fleet) -> None:
    report = look(fleet.repo)
    assert (told(report), report.notes) == ([], ("wiki.cloud.main: not provisioned yet",))


def test_strangers_with_our_tags_are_told_for_the_whole_fleet_only(fleet: Fleet) -> None:
    fleet.provision()
    addresses.allocate(cloud(fleet.repo), {tags.COMPONENT: "old", tags.SLOT: "main"})
    assert [kind for kind, _ in told(look(fleet.repo))] == ["unknown"]
    assert told(look(fleet.repo, ["wiki"])) == []


def test_a_component_that_is_broken_is_a_gap_and_hides_no_other(fleet: Fleet) -> None:
    fleet.provision()
    broken = {**PLAIN, "files": [{"path": "/etc/x", "template": "none.j2"}]}
    fleet.declare(broken, "other")
    report = look(fleet.repo)
    assert told(report) == []
    assert [gap.component for gap in report.gaps] == ["other"]


def test_a_component_without_a_target_is_a_matter_of_usage(fleet: Fleet) -> None:
    path = fleet.repo.path / "components" / "plain.yaml"
    path.write_text("description: x\nowner: y\n")
    with pytest.raises(UsageError, match="plain declares no target"):
        look(fleet.repo, ["plain"])
    assert look(fleet.repo).gaps == ()


@pytest.fixture
def grow(fleet: Fleet) -> Callable[[int, int], None]:
    """Declare components, and start an instance for each, without a host."""
    fleet.hosts.silent = True
    aws = cloud(fleet.repo)

    def many(first: int, last: int) -> None:
        names = [f"part-{number:03}" for number in range(first, last)]
        for name in names:
            told = {"description": "a part", "owner": "a team", "target": PLAIN}
            path = fleet.repo.path / "components" / f"{name}.yaml"
            path.write_text(yaml.safe_dump(told))
            own = {tags.COMPONENT: name, tags.SLOT: "main"}
            root = Disk(ROOT_DEVICE, 10)
            launch = Launch(name, IMAGE, "t3.small", "us-east-1a", "", (), root, own)
            instances.run(aws, launch)
        paths = [f"components/{name}.yaml" for name in names]
        fleet.repo.git.commit(paths, "Declare parts", machine.person())

    return many


def test_the_number_of_calls_does_not_grow_with_the_fleet(
    fleet: Fleet, grow: Callable[[int, int], None]
) -> None:
    counts = []
    for first, last in ((0, 2), (2, 100)):
        grow(first, last)
        fleet.server.faults.clear()
        report = look(fleet.repo)
        counts.append(fleet.server.faults.calls())
        assert len({one.component for one in report.findings}) == last
    assert counts[0] == counts[1]
