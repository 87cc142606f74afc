"""A launch: everything that one instance is asked for with, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ops.cloud.tags import specified

if TYPE_CHECKING:
    from mypy_boto3_ec2.literals import InstanceTypeType, VolumeTypeType


@dataclass(frozen=True)
class Disk:
    """The root volume of a launch. `device` is the image's root device."""

    device: str
    size_gib: int
    type: str = "gp3"
    encrypted: bool = True
    iops: int | None = None
    throughput: int | None = None


@dataclass(frozen=True)
class Launch:
    """Everything one RunInstances call asks for: one instance, with a client token.

    Metadata service version 2 only, and protected against termination unless said
    otherwise. `subnet` decides the zone; without it the zone's default subnet is taken.
    `user_data` is at most 16384 bytes, compressed or not. Without `key` or `groups`, which
    a rehearsal may not have yet, EC2 is asked for none.
    """

    token: str
    image: str
    type: str
    zone: str
    key: str
    groups: tuple[str, ...]
    root: Disk
    tags: Mapping[str, str]
    user_data: bytes = field(default=b"", repr=False)
    subnet: str | None = None
    profile: str | None = None
    protected: bool = True


def asked(launch: Launch) -> Any:
    """Return the parameters of the RunInstances call."""
    call: dict[str, Any] = {
        "ClientToken": launch.token,
        "ImageId": launch.image,
        "InstanceType": cast("InstanceTypeType", launch.type),
        "MinCount": 1,
        "MaxCount": 1,
        "BlockDeviceMappings": [{"DeviceName": launch.root.device, "Ebs": _ebs(launch.root)}],
        "TagSpecifications": specified(["instance", "volume"], launch.tags),
        "MetadataOptions": {
            "HttpTokens": "required",
            "HttpEndpoint": "enabled",
            "HttpPutResponseHopLimit": 1,
        },
        "DisableApiTermination": launch.protected,
        "InstanceInitiatedShutdownBehavior": "stop",
    }
    if launch.key:
        call["KeyName"] = launch.key
    if launch.groups:
        call["SecurityGroupIds"] = list(launch.groups)
    if launch.user_data:
        call["UserData"] = launch.user_data
    if launch.subnet:
        call["SubnetId"] = launch.subnet
    else:
        call["Placement"] = {"AvailabilityZone": launch.zone}
    if launch.profile:
        call["IamInstanceProfile"] = {"Name": launch.profile}
    return call


def _ebs(disk: Disk) -> dict[str, Any]:
    ebs: dict[str, Any] = {
        "VolumeSize": disk.size_gib,
        "VolumeType": cast("VolumeTypeType", disk.type),
        "Encrypted": disk.encrypted,
        "DeleteOnTermination": True,
    }
    if disk.iops:
        ebs["Iops"] = disk.iops
    if disk.throughput:
        ebs["Throughput"] = disk.throughput
    return ebs
