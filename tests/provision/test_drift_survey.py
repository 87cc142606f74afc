"""Drift from end to end: the lab's AWS, real sshd hosts, a real inventory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from ops.cloud import addresses, groups, instances, tags
from ops.cloud.launch import Disk, Launch
from ops.errors import UsageError
from ops.inventory import machine
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


def test_each_host_is_asked_by_one_connection_and_aws_by_six_calls(fleet: Fleet) -> None:
    fleet.provision()
    (host,) = fleet.hosts.running.values()
    before = host.log.count("Accepted publickey")
    fleet.server.faults.clear()
    look(fleet.repo)
    assert host.log.count("Accepted publickey") == before + 1
    assert sorted(fleet.server.faults.calls()) == [
        "DescribeAddresses",
        "DescribeInstanceStatus",
        "DescribeInstances",
        "DescribeKeyPairs",
        "DescribeSecurityGroups",
        "DescribeVolumes",
    ]


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
