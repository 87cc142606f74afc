from dataclasses import replace
from typing import Any

import pytest

from ops.cloud import instances
from ops.cloud.calls import Wait
from ops.cloud.errors import CloudError
from ops.cloud.instances import Instance, Launch
from ops.cloud.session import Cloud
from ops.lab.aws.faults import Fault
from ops.lab.aws.idle import Idle
from ops.lab.aws.server import Server

SOON = Wait(delay=0.01, attempts=50)


def test_an_instance_is_as_its_launch_says(cloud: Cloud, launch: Launch, machines: Idle) -> None:
    made = instances.wait(cloud, instances.run(cloud, launch).id, "running", SOON)
    assert (made.type, made.zone, made.image) == (launch.type, launch.zone, launch.image)
    assert (made.groups, made.key, made.token) == (launch.groups, launch.key, launch.token)
    assert made.tags == launch.tags
    assert made.metadata_tokens == "required"
    assert [one.device for one in made.attachments] == [launch.root.device]
    assert made.private_address == machines.addresses(made.id).private_ip
    assert made.public_name == machines.addresses(made.id).public_dns
    assert machines.user_data[made.id] == launch.user_data


def test_the_same_launch_is_the_same_instance(cloud: Cloud, launch: Launch, name: str) -> None:
    made = instances.run(cloud, launch)
    assert instances.run(cloud, launch).id == made.id
    assert len(instances.find(cloud, {"ops:component": name})) == 1


def test_a_lost_reply_makes_one_instance(
    cloud: Cloud, launch: Launch, name: str, server: Server
) -> None:
    server.faults.add(Fault("RunInstances", "lost"))
    made = instances.run(cloud, launch)
    assert [one.id for one in instances.find(cloud, {"ops:component": name})] == [made.id]
    assert server.faults.calls()["RunInstances"] == 2


def test_the_same_token_for_something_else_is_refused(cloud: Cloud, launch: Launch) -> None:
    instances.run(cloud, launch)
    with pytest.raises(CloudError, match="made with other parameters") as caught:
        instances.run(cloud, replace(launch, user_data=b"#cloud-config\npackages: [php]\n"))
    assert caught.value.code == "IdempotentParameterMismatch"


def test_after_its_end_the_launch_answers_with_the_dead(cloud: Cloud, launch: Launch) -> None:
    made = instances.run(cloud, replace(launch, protected=False))
    instances.terminate(cloud, made.id)
    again = instances.run(cloud, replace(launch, protected=False))
    assert (again.id, again.state, again.alive) == (made.id, "terminated", False)


def test_a_rehearsal_starts_nothing(cloud: Cloud, launch: Launch, name: str) -> None:
    instances.rehearse(cloud, launch)
    assert instances.find(cloud, {"ops:component": name}) == ()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"image": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"type": "t9.gigantic"}, "InvalidInstanceType.NotFound"),
        ({"zone": "us-east-1x"}, "InvalidParameterValue"),
        ({"key": "nobody"}, "InvalidKeyPair.NotFound"),
        ({"groups": ("sg-0123456789abcdef0",)}, "InvalidGroup.NotFound"),
        ({"user_data": b"x" * 16385}, "InvalidParameterValue"),
    ],
)
def test_a_wrong_launch_makes_nothing(
    cloud: Cloud, launch: Launch, name: str, wrong: dict[str, Any], code: str
) -> None:
    with pytest.raises(CloudError) as caught:
        instances.run(cloud, replace(launch, **wrong))
    assert caught.value.code == code
    assert instances.find(cloud, {"ops:component": name}) == ()


def test_no_capacity_is_told(cloud: Cloud, launch: Launch, server: Server) -> None:
    code = "InsufficientInstanceCapacity"
    server.faults.add(Fault("RunInstances", code=code, status=503, times=4))
    with pytest.raises(CloudError, match=code):
        instances.run(cloud, launch)


def test_a_new_instance_that_is_not_seen_yet_is_waited_for(
    cloud: Cloud, instance: Instance, server: Server
) -> None:
    server.faults.add(Fault("DescribeInstances", code="InvalidInstanceID.NotFound", times=3))
    assert instances.wait(cloud, instance.id, "running", SOON).id == instance.id


def test_an_ended_instance_is_not_waited_for(cloud: Cloud, instance: Instance) -> None:
    instances.protect(cloud, instance.id, on=False)
    instances.terminate(cloud, instance.id)
    with pytest.raises(CloudError, match=r"is terminated: .*User initiated") as caught:
        instances.wait(cloud, instance.id, "running", SOON)
    assert caught.value.code == "BadState"


def test_a_protected_instance_is_not_terminated(cloud: Cloud, instance: Instance) -> None:
    with pytest.raises(CloudError, match="OperationNotPermitted"):
        instances.terminate(cloud, instance.id)
    seen = instances.get(cloud, instance.id)
    assert seen is not None
    assert seen.alive


def test_an_instance_stops_and_starts(cloud: Cloud, instance: Instance, machines: Idle) -> None:
    instances.stop(cloud, instance.id)
    stopped = instances.wait(cloud, instance.id, "stopped", SOON)
    assert stopped.public_address == ""
    instances.start(cloud, instance.id)
    running = instances.wait(cloud, instance.id, "running", SOON)
    assert running.public_address == instance.public_address
    assert machines.about(instance.id) == ["start", "stop", "start"]


def test_an_unknown_instance_is_none(cloud: Cloud) -> None:
    assert instances.get(cloud, "i-0123456789abcdef0") is None


def test_the_console_is_read(cloud: Cloud, instance: Instance) -> None:
    assert instances.console(cloud, instance.id) == f"{instance.id} login:\n"
