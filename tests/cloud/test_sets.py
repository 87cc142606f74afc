import json
import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any, Literal

import pytest

from ops.cloud import sets, snapshots, tags, volumes
from ops.cloud.calls import Wait
from ops.cloud.errors import CloudError
from ops.cloud.instances import Instance
from ops.cloud.session import Cloud
from ops.cloud.sets import Request
from ops.lab.aws.faults import Fault
from ops.lab.aws.server import Server

SOON = Wait(delay=0.01, attempts=5)


def test_a_set_holds_the_data_volumes_only(
    cloud: Cloud, data: tuple[volumes.Volume, ...], request_: Request
) -> None:
    made = sets.create_set(cloud, request_)
    assert {one.volume for one in made} == {one.id for one in data}
    assert {one.state for one in made} == {"pending"}


def test_a_set_is_found_by_its_run_and_carries_all_tags(
    cloud: Cloud, data: tuple[volumes.Volume, ...], request_: Request
) -> None:
    sets.create_set(cloud, request_)
    for one in snapshots.wait(cloud, request_.found_by, 2, SOON):
        assert one.tags[tags.SET] == request_.run
        assert one.tags[tags.VOLUME] == "data"
        assert one.tags[tags.LEVEL] == "crash"
        assert one.state == "completed"


def test_where_tags_of_volume_and_request_differ_the_request_wins(
    cloud: Cloud, data: tuple[volumes.Volume, ...], request_: Request
) -> None:
    tags.put(cloud, [data[0].id], {tags.LEVEL: "none", tags.RUN: "provision"})
    made = sets.create_set(cloud, request_)
    seen = snapshots.find(cloud, request_.found_by)
    assert {one.tags[tags.LEVEL] for one in (*made, *seen)} == {"crash"}


def test_the_same_request_is_the_same_set(
    cloud: Cloud, data: tuple[volumes.Volume, ...], request_: Request, server: Server
) -> None:
    first = sets.create_set(cloud, request_)
    again = sets.create_set(cloud, request_)
    assert [one.id for one in again] == [one.id for one in first]
    assert server.faults.calls()["CreateSnapshots"] == 1


def test_taking_what_is_prepared_is_one_call(
    cloud: Cloud, data: tuple[volumes.Volume, ...], request_: Request, server: Server
) -> None:
    prepared = sets.prepare(cloud, request_)
    server.faults.clear()
    assert len(sets.take(cloud, prepared)) == 2
    assert server.faults.calls() == {"CreateSnapshots": 1}


@pytest.mark.parametrize("kind", ["throttle", "lost", "error"])
def test_what_is_tried_while_frozen_is_sent_once(
    cloud: Cloud,
    data: tuple[volumes.Volume, ...],
    request_: Request,
    server: Server,
    kind: Literal["throttle", "lost", "error"],
) -> None:
    prepared = sets.prepare(cloud, request_)
    server.faults.clear()
    server.faults.add(Fault("CreateSnapshots", kind))
    with sets.briskly(cloud) as brisk:
        if kind == "lost":
            assert len(sets.attempt(brisk, prepared)) == 2
        else:
            with pytest.raises(CloudError):
                sets.attempt(brisk, prepared)
    assert server.faults.calls()["CreateSnapshots"] == 1
    assert len(sets.lost(cloud, prepared, SOON)) == (2 if kind == "lost" else 0)


def test_an_unknown_instance_is_named(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="i-0123456789abcdef0: no such instance"):
        sets.create_set(cloud, Request("i-0123456789abcdef0", "run", {}))


def test_a_lost_reply_makes_one_set(
    cloud: Cloud, data: tuple[volumes.Volume, ...], request_: Request, server: Server
) -> None:
    server.faults.add(Fault("CreateSnapshots", "lost"))
    made = sets.create_set(cloud, request_, SOON)
    assert len(made) == 2
    assert snapshots.find(cloud, {tags.COMPONENT: request_.tags[tags.COMPONENT]}) == made
    assert server.faults.calls()["CreateSnapshots"] == 1


def test_a_fault_of_aws_that_made_nothing_is_made_good(
    cloud: Cloud, data: tuple[volumes.Volume, ...], request_: Request, server: Server
) -> None:
    server.faults.add(Fault("CreateSnapshots", code="InternalError", status=500))
    assert len(sets.create_set(cloud, request_, SOON)) == 2
    assert server.faults.calls()["CreateSnapshots"] == 2


def test_throttling_makes_one_set(
    cloud: Cloud, data: tuple[volumes.Volume, ...], request_: Request, server: Server
) -> None:
    server.faults.add(Fault("CreateSnapshots", "throttle", times=2))
    assert len(sets.create_set(cloud, request_)) == 2
    assert len(snapshots.find(cloud, request_.found_by)) == 2


def test_a_volume_is_left_out_where_told(
    cloud: Cloud, data: tuple[volumes.Volume, ...], instance: Instance, name: str
) -> None:
    request = Request(instance.id, name, {}, exclude=(data[0].id,))
    assert [one.volume for one in sets.create_set(cloud, request)] == [data[1].id]


def test_a_volume_attached_meanwhile_makes_the_set_partial(
    cloud: Cloud,
    add_volume: Callable[[str], volumes.Volume],
    request_: Request,
) -> None:
    add_volume("/dev/sdf")
    sets.create_set(cloud, request_)
    late = add_volume("/dev/sdg")
    with pytest.raises(CloudError, match=f"no snapshot of {late.id}"):
        sets.create_set(cloud, request_)


def test_an_instance_without_data_volumes_is_refused(
    cloud: Cloud, instance: Instance, request_: Request
) -> None:
    with pytest.raises(CloudError, match="has no data volumes"):
        sets.create_set(cloud, request_)


@pytest.fixture
def aws(server: Server) -> Callable[..., Any]:
    """The aws command line: an AWS client written by others."""
    program = shutil.which("aws")
    if program is None and os.environ.get("OPS_LAB") == "full":
        pytest.fail("the aws command line is not installed")
    if program is None:
        pytest.skip("the aws command line is not installed")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server.url,
        "NO_PROXY": "127.0.0.1",
    }

    def ec2(*words: str) -> Any:
        argv = [program, "ec2", *words, "--output", "json"]
        done = subprocess.run(argv, check=False, env=environment, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return ec2


def test_the_aws_command_sees_the_instance_and_the_snapshots(
    cloud: Cloud,
    instance: Instance,
    add_volume: Callable[[str], volumes.Volume],
    name: str,
    aws: Callable[..., Any],
) -> None:
    volume = add_volume("/dev/sdf")
    made = sets.create_set(cloud, Request(instance.id, f"run-{name}", {}))
    by_component = f"Name=tag:{tags.COMPONENT},Values={name}"

    reservations = aws("describe-instances", "--filters", by_component)["Reservations"]
    seen = reservations[0]["Instances"][0]
    assert (seen["InstanceId"], seen["PublicIpAddress"]) == (instance.id, instance.public_address)
    assert volume.id in {one["Ebs"]["VolumeId"] for one in seen["BlockDeviceMappings"]}

    found = aws("describe-snapshots", "--owner-ids", "self", "--filters", by_component)
    assert [(one["SnapshotId"], one["VolumeId"], one["State"]) for one in found["Snapshots"]] == [
        (made[0].id, volume.id, "completed")
    ]
    assert tags.mapped(found["Snapshots"][0]["Tags"])[tags.SET] == f"run-{name}"
