"""The lab's AWS itself, as a program sees it over HTTP."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from ops.errors import OpsError
from ops.lab.aws.idle import Idle
from ops.lab.aws.images import IMAGE, PARAMETER
from ops.lab.aws.server import Server, serve
from ops.lab.aws.states import set_state

WISH: dict[str, Any] = {
    "ImageId": IMAGE,
    "InstanceType": "t3.small",
    "MinCount": 1,
    "MaxCount": 1,
    "ClientToken": "one",
}


@pytest.fixture
def machines() -> Idle:
    return Idle()


@pytest.fixture
def server(machines: Idle) -> Iterator[Server]:
    served = serve(machines)
    yield served
    served.close()


def client(server: Server, service: str = "ec2", region: str = "us-east-1") -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload] # one name of many
        region_name=region,
        endpoint_url=server.url,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60, proxies={}),
    )


@pytest.fixture
def ec2(server: Server) -> Iterator[Any]:
    made = client(server)
    yield made
    made.close()


def ask(server: Server, method: str, path: str, body: object = None) -> tuple[int, Any]:
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_two_labs_in_one_program_are_apart(ec2: Any, server: Server) -> None:
    ec2.run_instances(**WISH)
    other = serve(Idle())
    second = client(other)
    assert second.describe_instances()["Reservations"] == []
    assert other.account != server.account
    second.close()
    other.close()


def test_a_port_in_use_is_told(server: Server) -> None:
    with pytest.raises(OpsError, match="can't listen"):
        serve(Idle(), port=int(server.url.rpartition(":")[2]))


def test_every_region_has_the_image_and_its_parameter(server: Server) -> None:
    for region in ("us-east-1", "eu-central-1"):
        ssm, ec2 = client(server, "ssm", region), client(server, "ec2", region)
        assert ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"] == IMAGE
        assert len(ec2.describe_images()["Images"]) == 1
        assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
        ssm.close()
        ec2.close()


def test_many_at_once_with_one_token_get_one_instance(ec2: Any, machines: Idle) -> None:
    seen: list[str] = []

    def run() -> None:
        seen.append(ec2.run_instances(**WISH)["Instances"][0]["InstanceId"])

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1
    assert machines.about(seen[0]) == ["start"]


def test_a_launch_that_failed_leaves_its_token_unused(ec2: Any) -> None:
    with pytest.raises(ClientError):
        ec2.run_instances(**{**WISH, "ImageId": "ami-0123456789abcdef0"})
    assert ec2.run_instances(**WISH)["Instances"]


def test_machines_that_fail_leave_no_running_instance(ec2: Any, machines: Idle) -> None:
    machines.failing.add("start")
    with pytest.raises(ClientError, match="told to fail") as caught:
        ec2.run_instances(**WISH)
    assert code(caught) == "InternalError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    reservations = ec2.describe_instances()["Reservations"]
    assert {one["Instances"][0]["State"]["Name"] for one in reservations} == {"terminated"}


def test_machines_that_fail_leave_no_volume_and_no_attachment(ec2: Any, machines: Idle) -> None:
    instance = ec2.run_instances(**WISH)["Instances"][0]["InstanceId"]
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    machines.failing |= {"create_volume", "attach"}
    with pytest.raises(ClientError):
        ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)
    with pytest.raises(ClientError):
        ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    found = ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["available"]}])
    assert [one["VolumeId"] for one in found["Volumes"]] == [volume]


def test_what_failed_in_the_middle_is_undone_and_may_be_asked_again(
    ec2: Any, machines: Idle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any fault of the lab's own is AWS's, status 500: botocore asks again, and gets it."""

    def lost(*_: object, **__: object) -> None:
        monkeypatch.undo()
        raise FileNotFoundError("/sys/block/loop7")

    instance = ec2.run_instances(**WISH)["Instances"][0]["InstanceId"]
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    where = {"VolumeId": volume, "InstanceId": instance, "Device": "/dev/sdf"}
    monkeypatch.setattr(machines, "attach", lost)
    with pytest.raises(ClientError) as caught:
        ec2.attach_volume(**where)
    assert code(caught) == "InternalError"
    assert ec2.attach_volume(**where)["InstanceId"] == instance
    assert machines.about(volume) == ["create_volume", "attach"]


def test_the_machines_get_what_the_launch_says(ec2: Any, machines: Idle) -> None:
    pair = ec2.create_key_pair(KeyName="k", KeyType="ed25519")
    assert pair["KeyName"] == "k"
    data = b"\x1f\x8b not text \xff"
    made = ec2.run_instances(**WISH, KeyName="k", UserData=data)["Instances"][0]
    assert machines.user_data[made["InstanceId"]] == data
    assert machines.public_keys[made["InstanceId"]][0].startswith("ssh-ed25519 ")
    assert made["PrivateDnsName"] == machines.addresses(made["InstanceId"]).private_dns


def test_data_volumes_of_a_launch_are_disks_too(ec2: Any, machines: Idle) -> None:
    disk = {"VolumeSize": 3, "Throughput": 200, "VolumeType": "gp3"}
    disks = [{"DeviceName": "/dev/sdf", "Ebs": disk}]
    made = ec2.run_instances(**WISH, BlockDeviceMappings=disks)["Instances"][0]["InstanceId"]
    volume = ec2.describe_volumes(Filters=[{"Name": "attachment.device", "Values": ["/dev/sdf"]}])[
        "Volumes"
    ][0]
    assert volume["Throughput"] == 200
    start = next(one for one in machines.told if one.what == "start")
    assert (start.subject, start.rest[1]) == (made, {"/dev/sdf": volume["VolumeId"]})


def test_disks_that_end_with_their_instance_are_deleted(ec2: Any, machines: Idle) -> None:
    disk = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 3, "DeleteOnTermination": True}}
    made = ec2.run_instances(**WISH, BlockDeviceMappings=[disk])["Instances"][0]["InstanceId"]
    volume = next(one.subject for one in machines.told if one.what == "create_volume")
    ec2.terminate_instances(InstanceIds=[made])
    assert machines.about(made) == ["start", "terminate"]
    assert machines.about(volume) == ["create_volume", "delete_volume"]


def test_a_terminated_instance_is_not_started(ec2: Any, machines: Idle) -> None:
    made = ec2.run_instances(**WISH)["Instances"][0]["InstanceId"]
    ec2.terminate_instances(InstanceIds=[made])
    with pytest.raises(ClientError) as caught:
        ec2.start_instances(InstanceIds=[made])
    assert code(caught) == "IncorrectInstanceState"


def test_an_instance_that_hangs_goes_on_stopping_and_can_not_be_started(
    server: Server, ec2: Any
) -> None:
    made = ec2.run_instances(**WISH)["Instances"][0]["InstanceId"]
    set_state(server.url, made, "hangs")
    ec2.stop_instances(InstanceIds=[made])
    with pytest.raises(ClientError) as caught:
        ec2.start_instances(InstanceIds=[made])
    assert code(caught) == "IncorrectInstanceState"
    assert is_now(ec2, made) == "stopping"
    set_state(server.url, made, "ok")
    assert is_now(ec2, made) == "stopped"


def test_an_instance_without_power_is_told_to_run(server: Server, ec2: Any, machines: Idle) -> None:
    made = ec2.run_instances(**WISH)["Instances"][0]["InstanceId"]
    set_state(server.url, made, "dead")
    assert machines.about(made) == ["start", "lose_power"]
    assert is_now(ec2, made) == "running"
    with pytest.raises(OpsError, match="no snapshot and no instance i-none"):
        set_state(server.url, "i-none", "dead")


def is_now(ec2: Any, instance: str) -> str:
    [told] = ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    return str(told["Instances"][0]["State"]["Name"])


def test_a_root_volume_stays_while_its_instance_runs(ec2: Any) -> None:
    made = ec2.run_instances(**WISH)["Instances"][0]
    root = made["BlockDeviceMappings"][0]
    assert root["DeviceName"] == made["RootDeviceName"] == "/dev/xvda"
    with pytest.raises(ClientError) as caught:
        ec2.detach_volume(VolumeId=root["Ebs"]["VolumeId"])
    assert code(caught) == "OperationNotPermitted"


def test_a_detached_volume_is_not_detached_again(ec2: Any) -> None:
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    with pytest.raises(ClientError) as caught:
        ec2.detach_volume(VolumeId=volume)
    assert code(caught) == "IncorrectState"


def test_volumes_smaller_than_what_they_are_made_of_are_refused(ec2: Any) -> None:
    root = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 7}}
    with pytest.raises(ClientError, match="expect size>= 8GB"):
        ec2.run_instances(**WISH, BlockDeviceMappings=[root])
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=4)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    with pytest.raises(ClientError, match="smaller than snapshot"):
        ec2.create_volume(AvailabilityZone="us-east-1a", Size=3, SnapshotId=snapshot)


def test_snapshots_come_in_pages(ec2: Any) -> None:
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    made = {ec2.create_snapshot(VolumeId=volume)["SnapshotId"] for _ in range(7)}
    pages = ec2.get_paginator("describe_snapshots").paginate(
        OwnerIds=["self"], PaginationConfig={"PageSize": 5}
    )
    found = [[one["SnapshotId"] for one in page["Snapshots"]] for page in pages]
    assert [len(page) for page in found] == [5, 2]
    assert {one for page in found for one in page} == made


def test_the_boot_volume_is_taken_unless_excluded(ec2: Any) -> None:
    made = ec2.run_instances(**WISH)["Instances"][0]
    reply = ec2.create_snapshots(InstanceSpecification={"InstanceId": made["InstanceId"]})
    assert [one["State"] for one in reply["Snapshots"]] == ["pending"]
    with pytest.raises(ClientError, match="No volumes"):
        ec2.create_snapshots(
            InstanceSpecification={"InstanceId": made["InstanceId"], "ExcludeBootVolume": True}
        )


def test_unknown_actions_and_services_answer_as_aws_does(server: Server, ec2: Any) -> None:
    with pytest.raises(ClientError) as caught:
        ec2.describe_capacity_reservations()
    assert code(caught) == "UnsupportedOperation"
    pricing = client(server, "pricing")
    with pytest.raises(ClientError) as caught:
        pricing.get_products(ServiceCode="AmazonEC2")
    assert code(caught) == "UnsupportedOperation"
    pricing.close()


def test_faults_are_steered_over_http(server: Server, ec2: Any) -> None:
    given = {"action": "DescribeVpcs", "code": "InternalError", "status": 500, "times": 1}
    status, pending = ask(server, "POST", "/lab/faults", given)
    assert (status, pending[0]["action"]) == (200, "DescribeVpcs")
    with pytest.raises(ClientError) as caught:
        ec2.describe_vpcs()
    assert code(caught) == "InternalError"
    assert ask(server, "GET", "/lab/faults") == (200, [])
    assert ask(server, "GET", "/lab/calls") == (200, {"DescribeVpcs": 1})
    assert ask(server, "DELETE", "/lab/faults") == (200, [])
    assert ask(server, "GET", "/lab/calls") == (200, {})


def test_what_is_no_fault_is_refused_over_http(server: Server) -> None:
    assert ask(server, "POST", "/lab/faults", {"action": "X", "kind": "sad"})[0] == 400
    assert ask(server, "POST", "/lab/state", {"id": "snap-1", "state": "error"})[0] == 400
    assert ask(server, "GET", "/lab/nothing")[0] == 404


def test_a_lost_reply_comes_after_the_work(server: Server, ec2: Any, machines: Idle) -> None:
    ask(server, "POST", "/lab/faults", [{"action": "RunInstances", "kind": "lost"}])
    with pytest.raises(ConnectionClosedError):
        ec2.run_instances(**WISH)
    made = ec2.describe_instances()["Reservations"][0]["Instances"][0]["InstanceId"]
    assert machines.about(made) == ["start"]


def test_an_error_of_another_service_has_that_services_form(server: Server) -> None:
    sts = client(server, "sts")
    given = {"action": "GetCallerIdentity", "code": "ExpiredToken", "status": 403}
    ask(server, "POST", "/lab/faults", given)
    with pytest.raises(ClientError) as caught:
        sts.get_caller_identity()
    assert code(caught) == "ExpiredToken"
    sts.close()


def test_user_data_over_the_limit_is_refused(ec2: Any) -> None:
    with pytest.raises(ClientError, match="limited to 16384 bytes"):
        ec2.run_instances(**WISH, UserData=b"x" * 16385)
    made = ec2.run_instances(**WISH, UserData=b"x" * 16384)["Instances"][0]["InstanceId"]
    kept = ec2.describe_instance_attribute(InstanceId=made, Attribute="userData")
    assert len(base64.b64decode(kept["UserData"]["Value"])) == 16384


_ANSWERING = """
from ops.cloud import zones
from ops.cloud.session import Cloud
from ops.lab.aws.server import serve
from ops.lab.aws.idle import Idle
server = serve(Idle())
cloud = Cloud("us-east-1", server.url, access_key="AKIAIOSFODNN7EXAMPLE", secret_key="s")
print(zones.identity(cloud).account == server.account)
"""


def test_the_profile_of_who_starts_it_means_nothing_to_it() -> None:
    env = {**os.environ, "AWS_PROFILE": "not-there"}
    assert subprocess.check_output([sys.executable, "-c", _ANSWERING], env=env) == b"True\n"
