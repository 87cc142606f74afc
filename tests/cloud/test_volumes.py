from collections.abc import Callable
from dataclasses import replace

import pytest

from ops.cloud import instances, sets, volumes
from ops.cloud.calls import Wait
from ops.cloud.errors import CloudError
from ops.cloud.instances import Instance
from ops.cloud.session import Cloud
from ops.cloud.volumes import Order, Volume
from ops.lab.aws.faults import Fault
from ops.lab.aws.idle import Idle
from ops.lab.aws.server import Server

SOON = Wait(delay=0.01, attempts=50)
AddVolume = Callable[[str], Volume]


def test_a_volume_is_as_ordered(cloud: Cloud, order: Order, machines: Idle) -> None:
    full = replace(order, iops=4000, throughput=250)
    made = volumes.wait_available(cloud, volumes.create(cloud, full).id, SOON)
    assert (made.zone, made.size_gib, made.type, made.encrypted) == ("us-east-1a", 5, "gp3", True)
    assert (made.iops, made.throughput, made.tags) == (4000, 250, order.tags)
    assert machines.about(made.id) == ["create_volume"]


def test_the_same_order_is_the_same_volume(cloud: Cloud, order: Order) -> None:
    assert volumes.create(cloud, order).id == volumes.create(cloud, order).id


def test_a_lost_reply_makes_one_volume(
    cloud: Cloud, order: Order, name: str, server: Server
) -> None:
    server.faults.add(Fault("CreateVolume", "lost"))
    made = volumes.create(cloud, order)
    assert [one.id for one in volumes.find(cloud, {"ops:component": name})] == [made.id]


def test_the_same_token_for_another_volume_is_refused(cloud: Cloud, order: Order) -> None:
    volumes.create(cloud, order)
    with pytest.raises(CloudError, match="IdempotentParameterMismatch"):
        volumes.create(cloud, replace(order, size_gib=6))


def test_a_volume_is_attached_and_detached(
    cloud: Cloud, instance: Instance, add_volume: AddVolume, machines: Idle
) -> None:
    volume = add_volume("/dev/sdf")
    assert (volume.instance, volume.device) == (instance.id, "/dev/sdf")
    assert volume.id in {one.id for one in volumes.attached_to(cloud, instance.id)}
    volumes.detach(cloud, volume.id, instance.id)
    assert volumes.wait_available(cloud, volume.id, SOON).instance == ""
    assert machines.about(volume.id) == ["create_volume", "attach", "detach"]


def test_attaching_twice_does_no_harm(
    cloud: Cloud, instance: Instance, add_volume: AddVolume
) -> None:
    volume = add_volume("/dev/sdf")
    volumes.attach(cloud, volume.id, instance.id, "/dev/sdf")


def test_lost_replies_attach_and_detach_once(
    cloud: Cloud, instance: Instance, order: Order, server: Server
) -> None:
    volume = volumes.create(cloud, order)
    server.faults.add(Fault("AttachVolume", "lost"), Fault("DetachVolume", "lost"))
    volumes.attach(cloud, volume.id, instance.id, "/dev/sdf")
    assert volumes.wait_attached(cloud, volume.id, SOON).instance == instance.id
    volumes.detach(cloud, volume.id, instance.id)
    assert volumes.wait_available(cloud, volume.id, SOON).instance == ""


def test_replies_lost_for_good_are_looked_for(
    cloud: Cloud, instance: Instance, order: Order, server: Server
) -> None:
    volume = volumes.create(cloud, order)
    server.faults.add(Fault("AttachVolume", "lost", times=2))
    volumes.attach(cloud, volume.id, instance.id, "/dev/sdf")
    server.faults.add(Fault("DetachVolume", "lost", times=2))
    volumes.detach(cloud, volume.id, instance.id)
    assert volumes.wait_available(cloud, volume.id, SOON).instance == ""


def test_a_device_in_use_is_refused(
    cloud: Cloud, instance: Instance, add_volume: AddVolume
) -> None:
    add_volume("/dev/sdf")
    other = volumes.create(cloud, Order(f"{instance.id}-other", "us-east-1a", 1, {}))
    with pytest.raises(CloudError, match="already in use"):
        volumes.attach(cloud, other.id, instance.id, "/dev/sdf")


def test_another_zone_is_refused(cloud: Cloud, instance: Instance, order: Order) -> None:
    far = volumes.create(cloud, replace(order, zone="us-east-1b"))
    with pytest.raises(CloudError, match=r"InvalidVolume.ZoneMismatch"):
        volumes.attach(cloud, far.id, instance.id, "/dev/sdf")


def test_a_volume_of_another_instance_is_refused(
    cloud: Cloud, add_volume: AddVolume, launch: instances.Launch
) -> None:
    volume = add_volume("/dev/sdf")
    other = instances.run(cloud, replace(launch, token=launch.token[:40]))
    with pytest.raises(CloudError, match="VolumeInUse"):
        volumes.attach(cloud, volume.id, other.id, "/dev/sdf")


def test_a_volume_outlives_its_instance_where_told(
    cloud: Cloud, instance: Instance, add_volume: AddVolume
) -> None:
    volume = add_volume("/dev/sdf")
    volumes.keep(cloud, instance.id, "/dev/sdf")
    instances.protect(cloud, instance.id, on=False)
    instances.terminate(cloud, instance.id)
    assert volumes.wait_available(cloud, volume.id, SOON).id == volume.id
    assert volumes.get(cloud, instance.attachments[0].volume) is None


def test_a_volume_is_removed_once_or_twice(cloud: Cloud, order: Order, machines: Idle) -> None:
    made = volumes.create(cloud, order)
    volumes.remove(cloud, made.id)
    volumes.remove(cloud, made.id)
    assert volumes.get(cloud, made.id) is None
    assert machines.about(made.id) == ["create_volume", "delete_volume"]


def test_a_volume_is_made_from_a_snapshot(
    cloud: Cloud, instance: Instance, add_volume: AddVolume, order: Order, machines: Idle
) -> None:
    add_volume("/dev/sdf")
    request = sets.Request(instance.id, instance.id, {})
    snapshot = sets.create_set(cloud, request)[0]
    copy = volumes.create(
        cloud, replace(order, token=snapshot.id, size_gib=0, snapshot=snapshot.id)
    )
    assert (copy.snapshot, copy.size_gib) == (snapshot.id, 5)
    made = next(one for one in machines.told if one.subject == copy.id)
    assert made.rest == (5, snapshot.id)
