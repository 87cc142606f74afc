"""Provisioning from end to end: the lab's AWS, real sshd hosts, a real inventory."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3
import pytest

from ops.cloud import addresses, groups, instances, keys, tags, volumes, zones
from ops.errors import Incomplete, OpsError, Refused, UsageError
from ops.lab.aws.faults import Fault
from ops.lab.aws.images import IMAGE, PARAMETER
from ops.provision import arrival
from ops.provision.apply import apply
from ops.provision.identity import Tokens
from ops.remote.errors import HostKeyRefused
from ops.run import cloud
from tests.support.fleet import PLAIN, SOON, Fleet
from tests.support.waiting import Clock

CREATING = ("RunInstances", "CreateVolume", "CreateSecurityGroup", "ImportKeyPair")


VOLUME = {"size_gib": 1, "device": "/dev/sdf", "mount": "/srv/wiki"}


def changed(**instance: object) -> dict[str, Any]:
    """Return the plain target with an instance of other settings."""
    return {**PLAIN, "instances": {"main": {**PLAIN["instances"]["main"], **instance}}}


def nothing_made(fleet: Fleet) -> bool:
    """Return whether no call made anything; that to RunInstances was a rehearsal."""
    return fleet.calls("CreateVolume", "CreateSecurityGroup", "ImportKeyPair") == 0


def test_the_first_run_makes_everything_and_the_second_nothing(fleet: Fleet) -> None:
    assert fleet.provision()
    before = fleet.calls(*CREATING)
    assert not fleet.provision()
    assert fleet.plans[0] == "wiki: nothing to do"
    assert fleet.calls(*CREATING) == before


def test_what_was_made_is_recorded(fleet: Fleet) -> None:
    fleet.provision()
    found = fleet.instance()
    assert found.ready
    assert found.host_key is not None
    assert fleet.repo.state("wiki").phase == "provisioned"
    record = fleet.repo.record(next(fleet.repo.runs("wiki", "provision")))
    assert record.verdict == "done"
    assert "seconds_to_ready" in record.figures
    assert [step.kind for step in record.steps][-2:] == ["host.await", "key.renew"]


def test_the_throwaway_key_is_forgotten_and_one_key_pinned(fleet: Fleet) -> None:
    fleet.provision()
    assert Tokens(fleet.repo.var, "wiki", "main").generations() == frozenset()
    assert list((fleet.repo.var / "tokens").iterdir()) == []
    assert fleet.repo.pinned("wiki.cloud.main")


def test_the_user_data_holds_no_other_secret_and_is_kept_private(fleet: Fleet) -> None:
    fleet.hosts.silent = True
    with pytest.raises(OpsError):
        fleet.provision(patience=replace(SOON, limit=0.2))
    (kept,) = (fleet.repo.var / "tokens").glob("*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "secret" not in kept.read_text()


def test_the_plan_alone_changes_nothing(fleet: Fleet) -> None:
    assert not fleet.provision(agree=lambda plan: False)
    assert nothing_made(fleet)
    assert list(fleet.repo.runs()) == []


def test_a_host_that_never_comes_up_is_kept_with_its_console(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrival, "time", Clock())
    fleet.hosts.silent = True
    with pytest.raises(OpsError, match=r"no ssh after 0\.5 s") as late:
        fleet.provision(patience=replace(SOON, limit=0.5))
    record = fleet.repo.record(next(fleet.repo.runs("wiki")))
    (console,) = record.files
    assert "login:" in (fleet.repo.path / console).read_text()
    assert fleet.instance().id in late.value.hint
    assert record.verdict == "incomplete"
    assert any("waiting for ssh on wiki.cloud.main" in line for line in fleet.told)


@pytest.mark.parametrize(
    ("cloud_init", "limit", "words", "verdict"),
    [
        ("exec sleep 60", 2, "cloud-init is not done after 2 s", "incomplete"),
        ("echo 'status: error'", 120, "cloud-init failed at the first boot", "failed"),
    ],
)
def test_a_first_boot_that_does_not_end_well_leaves_its_console(
    fleet: Fleet, cloud_init: str, limit: float, words: str, verdict: str
) -> None:
    fleet.hosts.cloud_init = cloud_init
    with pytest.raises(OpsError, match=words) as failed:
        fleet.provision(patience=replace(SOON, limit=limit))
    record = fleet.repo.record(next(fleet.repo.runs("wiki")))
    assert record.verdict == verdict
    assert [name.rpartition("/")[2] for name in record.files] == [
        f"console-{fleet.instance().id}.txt"
    ]
    assert f"{fleet.instance().id} is kept for you to look at" in failed.value.hint


def test_a_host_with_a_strange_key_is_refused_and_told_nothing(fleet: Fleet) -> None:
    fleet.hosts.strangers = True
    with pytest.raises(HostKeyRefused) as refused:
        fleet.provision()
    assert f"console-{fleet.instance().id}.txt" in refused.value.hint
    (server,) = fleet.hosts.running.values()
    assert "Accepted publickey" not in server.log
    assert fleet.repo.pinned("wiki.cloud.main") is None


@pytest.mark.parametrize("call", ["RunInstances", "CreateSecurityGroup", "ImportKeyPair"])
def test_a_lost_reply_doubles_nothing(fleet: Fleet, call: str) -> None:
    skip = 2 if call == "RunInstances" else 0  # the first two rehearse, one a plan
    fleet.server.faults.add(Fault(call, "lost", skip=skip))
    fleet.provision()
    aws = cloud(fleet.repo)
    assert len(instances.find(aws, {tags.COMPONENT: "wiki"})) == 1
    assert not fleet.provision()


def test_a_terminated_instance_gets_a_successor_with_a_key_of_its_own(fleet: Fleet) -> None:
    fleet.provision()
    first, pinned = fleet.instance(), fleet.repo.pinned("wiki.cloud.main")
    aws = cloud(fleet.repo)
    instances.protect(aws, first.id, on=False)
    instances.terminate(aws, first.id)
    fleet.provision()
    assert fleet.instance().generation == 2
    assert fleet.instance().id != first.id
    assert fleet.repo.pinned("wiki.cloud.main") != pinned


def test_no_capacity_leads_to_the_next_type(fleet: Fleet) -> None:
    fleet.declare(changed(other_types=["t3.medium"]))
    code = "InsufficientInstanceCapacity"
    fleet.server.faults.add(Fault("RunInstances", "error", skip=2, times=4, code=code, status=500))
    fleet.provision()
    assert fleet.instance().type == "t3.medium"
    assert not fleet.provision()


def test_no_capacity_in_a_zone_leads_to_the_next_zone_and_stays_there(fleet: Fleet) -> None:
    fleet.declare(changed(other_types=["t3.medium"], other_zones=["us-east-1b"]))
    code = "InsufficientInstanceCapacity"
    fleet.server.faults.add(Fault("RunInstances", "error", skip=2, times=2, code=code, status=400))
    fleet.provision()
    found = fleet.instance()
    assert (found.type, found.zone) == ("t3.small", "us-east-1b")
    assert "no capacity for t3.medium in us-east-1a" in "".join(fleet.told)
    assert not fleet.provision()


def test_a_type_need_not_be_in_every_zone(fleet: Fleet) -> None:
    """The g7e types are in us-east-1a and not in us-east-1b, by moto's lists from AWS."""
    places = {"zone": "us-east-1b", "other_zones": ["us-east-1a"]}
    fleet.declare(changed(type="g7e.2xlarge", other_types=["t3.small"], **places))
    fleet.server.faults.add(Fault("RunInstances", "error", skip=2, code="Unsupported", status=400))
    fleet.provision()
    assert (fleet.instance().type, fleet.instance().zone) == ("t3.small", "us-east-1b")


def test_a_zone_that_has_none_of_the_types_is_found_before_anything_is_made(fleet: Fleet) -> None:
    fleet.declare(changed(type="g7e.2xlarge", other_zones=["us-east-1b"]))
    with pytest.raises(OpsError, match=r"offers none of g7e\.2xlarge in us-east-1b"):
        fleet.provision()
    assert nothing_made(fleet)


def test_image_profile_and_disks_are_asked_for_as_declared(fleet: Fleet) -> None:
    make_profile(fleet, "ops-wiki")
    root = {"size_gib": 12, "iops": 4000, "throughput": 250}
    data = {"data": {**VOLUME, "iops": 5000, "throughput": 300}}
    named = {"image": f"ssm:{PARAMETER}", "profile": "ops-wiki"}
    fleet.declare(changed(root=root, volumes=data, **named))
    fleet.hosts.silent = True
    with pytest.raises(Incomplete):
        fleet.provision(patience=replace(SOON, limit=0.2))
    aws, made = cloud(fleet.repo), fleet.instance()
    found = instances.get(aws, made.id)
    assert found
    assert (found.image, found.profile.rpartition("/")[2]) == (IMAGE, "ops-wiki")
    disks = {one.device: one for one in volumes.attached_to(aws, made.id)}
    boot = disks[found.root_device]
    assert (boot.size_gib, boot.iops, boot.throughput) == (12, 4000, 250)
    assert (boot.tags[tags.COMPONENT], boot.tags[tags.SLOT]) == ("wiki", "main")
    assert (disks["/dev/sdf"].iops, disks["/dev/sdf"].throughput) == (5000, 300)


def test_user_data_that_is_too_long_is_sent_packed(fleet: Fleet) -> None:
    own = fleet.repo.path / "templates/provision/user-data.yaml.j2"
    own.parent.mkdir(parents=True)
    suites = fleet.repo.template_folders()[-1] / "provision/user-data.yaml.j2"
    own.write_text(suites.read_text() + "# a line of many\n" * 2000)
    fleet.provision()
    sent = fleet.hosts.user_data[fleet.instance().id]
    assert sent.startswith(b"\x1f\x8b")
    assert len(sent) < 16384


def test_an_elastic_ip_is_taken_once_and_stays_with_the_slot(fleet: Fleet) -> None:
    fleet.reach_by("private")  # the lab gives nobody the way to moto's public addresses
    fleet.declare(changed(elastic_ip=True))
    fleet.provision()
    (first,) = addresses.find(cloud(fleet.repo), {tags.COMPONENT: "wiki"})
    assert (first.instance, first.address) == (fleet.instance().id, fleet.instance().public_address)
    assert not fleet.provision()
    instances.protect(cloud(fleet.repo), first.instance, on=False)
    instances.terminate(cloud(fleet.repo), first.instance)
    fleet.provision()
    (again,) = addresses.find(cloud(fleet.repo), {tags.COMPONENT: "wiki"})
    assert (again.address, again.instance) == (first.address, fleet.instance().id)
    assert not fleet.provision()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"image": "ami-00000000000000000"}, "InvalidAMIID"),
        ({"type": "t99.huge"}, "offers the type t99.huge nowhere in the region"),
        ({"zone": "us-east-1c"}, "us-east-1c"),
        ({"other_zones": ["us-east-1z"]}, "us-east-1z"),
        ({"root": {"size_gib": 2}}, "the image needs 8"),
        ({"profile": "nobody"}, "nobody"),
    ],
)
def test_what_ec2_would_refuse_is_found_before_anything_is_made(
    fleet: Fleet, wrong: dict[str, object], words: str
) -> None:
    fleet.declare(changed(**wrong))
    with pytest.raises(OpsError, match=words):
        fleet.provision()
    assert nothing_made(fleet)


def test_a_parameter_that_ec2_refuses_is_found_before_anything_is_made(fleet: Fleet) -> None:
    fleet.server.faults.add(Fault("RunInstances", "error", code="InvalidParameterValue"))
    with pytest.raises(OpsError, match="InvalidParameterValue"):
        fleet.provision()
    assert fleet.calls(*CREATING) == 1


def test_a_rehearsal_that_the_least_policy_forbids_proves_nothing(fleet: Fleet) -> None:
    """Without our group, EC2 would take the default one, which the policy does not allow."""
    fault = Fault("RunInstances", "error", times=2, code="UnauthorizedOperation", status=403)
    fleet.server.faults.add(fault)
    assert fleet.provision()


def test_a_permission_that_is_missing_is_named_and_leaves_no_token(fleet: Fleet) -> None:
    fault = Fault("RunInstances", "error", times=3, code="UnauthorizedOperation", status=403)
    fleet.server.faults.add(fault)
    with pytest.raises(OpsError, match="ec2:RunInstances"):
        fleet.provision()
    assert Tokens(fleet.repo.var, "wiki", "main").generations() == frozenset()
    assert fleet.provision()


def test_anothers_security_group_is_refused_before_anything_is_made(fleet: Fleet) -> None:
    aws = cloud(fleet.repo)
    groups.create(aws, "ops-wiki-main", zones.default_vpc(aws), "somebody's", {"Name": "theirs"})
    with pytest.raises(Refused, match="another security group by the name ops-wiki-main"):
        fleet.provision()
    assert fleet.calls("RunInstances", "ImportKeyPair") == 0


def test_anothers_key_pair_is_refused(fleet: Fleet) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICpYAhoQQmHhjv2dIE7ZSSsaXFRqgpnHEWheZm64ECNV"
    keys.bring_in(cloud(fleet.repo), "ops-controller", other, {})
    with pytest.raises(Refused, match="another key pair by the name ops-controller"):
        fleet.provision()
    assert fleet.calls("RunInstances", "CreateSecurityGroup") == 0


def test_missing_credentials_are_named(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPS_TEST_KEY")
    with pytest.raises(Refused, match="env:OPS_TEST_KEY") as refused:
        fleet.provision()
    assert "OPS_TEST_KEY" in refused.value.hint


def test_an_endpoint_that_does_not_answer_is_named(fleet: Fleet) -> None:
    fleet.server.close()
    with pytest.raises(OpsError, match="does not answer") as error:
        fleet.provision()
    assert "cloud.endpoint" in error.value.hint
    assert list(fleet.repo.runs()) == []


def test_two_provisions_at_once_the_second_names_the_first(fleet: Fleet) -> None:
    """The first has made a volume by then, which nobody else can tell from a stranger's."""
    fleet.declare(changed(volumes={"data": VOLUME}))
    fleet.hosts.silent = True
    waits, refused = threading.Event(), threading.Event()

    def hear(line: str) -> None:
        if "wait for wiki.cloud.main" in line:
            waits.set()
            refused.wait(120)

    with ThreadPoolExecutor(1) as pool:
        patience = replace(SOON, limit=0.2)
        begun = pool.submit(apply, fleet.repo, "wiki", bool, patience=patience, tell=hear)
        try:
            assert waits.wait(120)
            with pytest.raises(Refused, match=rf"provision \(run \S+, process {os.getpid()}\)"):
                fleet.provision()
        finally:
            refused.set()
        assert isinstance(begun.exception(), Incomplete)


def test_a_volume_that_ec2_refused_to_make_is_claimed_by_nobody(fleet: Fleet) -> None:
    fleet.declare(changed(volumes={"data": VOLUME}))
    fleet.server.faults.add(Fault("CreateVolume", "error", code="VolumeLimitExceeded"))
    with pytest.raises(OpsError, match="VolumeLimitExceeded"):
        fleet.provision()
    own = {tags.COMPONENT: "wiki", tags.SLOT: "main", tags.VOLUME: "data"}
    theirs = volumes.create(cloud(fleet.repo), volumes.Order("token", "us-east-1a", 1, own))
    with pytest.raises(Refused, match=rf"{theirs.id}\) is empty, and no run of ours made it"):
        fleet.provision()


def test_uncommitted_edits_are_refused(fleet: Fleet) -> None:
    path = fleet.repo.path / "components" / "wiki.yaml"
    path.write_text(path.read_text() + "# hm\n")
    with pytest.raises(Refused, match="uncommitted edits"):
        fleet.provision()
    assert nothing_made(fleet)


def test_a_template_error_names_file_and_line(fleet: Fleet) -> None:
    template = fleet.repo.path / "templates" / "wiki.conf.j2"
    template.parent.mkdir(exist_ok=True)
    template.write_text("one\n{{ nonsense }}\n")
    fleet.declare({**PLAIN, "files": [{"path": "/etc/wiki.conf", "template": "wiki.conf.j2"}]})
    with pytest.raises(OpsError, match=r"wiki.conf.j2:2: .*nonsense"):
        fleet.provision()
    assert fleet.calls(*CREATING) == 0


def test_a_component_without_a_target_is_a_matter_of_usage(fleet: Fleet) -> None:
    path = fleet.repo.path / "components" / "other.yaml"
    path.write_text("description: x\nowner: y\n")
    with pytest.raises(UsageError, match="other declares no target"):
        fleet.provision("other")


def test_more_to_do_than_was_shown_is_refused(fleet: Fleet) -> None:
    fleet.provision()
    group = fleet.instance().group
    fleet.declare(changed(rules=[]))

    def agree(plan: object) -> bool:
        rule = groups.Rule("tcp", 3306, 3306, "0.0.0.0/0")
        groups.allow(cloud(fleet.repo), group, rule)
        return True

    with pytest.raises(Refused, match="the plan is now"):
        fleet.provision(agree=agree)
    (seen,) = groups.find(cloud(fleet.repo), {tags.COMPONENT: "wiki"})
    assert len(seen.inbound) == 2


def test_what_aws_needs_after_the_last_step_is_left_to_a_plan_that_is_seen(fleet: Fleet) -> None:
    rule = groups.Rule("tcp", 3306, 3306, "0.0.0.0/0")

    def tell(line: str) -> None:
        if "make a new host key" in line:
            (group,) = groups.find(cloud(fleet.repo), {tags.COMPONENT: "wiki"})
            groups.allow(cloud(fleet.repo), group.id, rule)

    with pytest.raises(Incomplete, match="more is needed than the plan showed: close tcp 3306"):
        fleet.provision(tell=tell)
    assert fleet.provision()
    assert fleet.plans[1] == "  ~ close tcp 3306 from 0.0.0.0/0 (everyone), which is not declared"


def test_what_others_did_meanwhile_is_not_done_again(fleet: Fleet) -> None:
    def agree(plan: object) -> bool:
        keys.bring_in(cloud(fleet.repo), "ops-controller", _public(fleet), {})
        return True

    assert fleet.provision(agree=agree)
    assert fleet.calls("ImportKeyPair") == 1


def test_an_expected_plan_must_be_the_same(fleet: Fleet) -> None:
    def agree(plan: object) -> bool:
        keys.bring_in(cloud(fleet.repo), "ops-controller", _public(fleet), {})
        return True

    with pytest.raises(Refused, match="the plan is now"):
        fleet.provision(agree=agree, expect="given")
    assert fleet.calls("CreateSecurityGroup") == 0


def test_an_instance_that_was_stopped_is_started_again(fleet: Fleet) -> None:
    fleet.provision()
    aws, old = cloud(fleet.repo), fleet.instance()
    instances.stop(aws, old.id)
    assert fleet.provision()
    assert any(f"{old.id} is stopped" in line for line in fleet.told)
    assert fleet.instance().ready
    assert not fleet.provision()


def make_profile(fleet: Fleet, name: str) -> None:
    """Have an instance profile, as the account's administrator makes it."""
    iam: Any = boto3.client(
        "iam",
        endpoint_url=fleet.repo.site().cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
    )
    iam.create_instance_profile(InstanceProfileName=name)
    iam.close()


def _public(fleet: Fleet) -> str:
    return (fleet.repo.path / "var/keys/login.pub").read_text()
