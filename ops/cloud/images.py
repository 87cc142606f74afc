"""Machine images: found by id, or by the public parameter that names the newest one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.cloud.calls import ask, pages
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud

_PARAMETER = "ssm:"


@dataclass(frozen=True)
class Image:
    """A machine image."""

    id: str
    name: str
    architecture: str
    state: str
    owner: str
    root_device: str
    """The device name that an instance's root volume must be asked for by."""
    root_gib: int
    """The size of the image's own root volume: a smaller one is refused by EC2."""


def resolve(cloud: Cloud, reference: str) -> Image:
    """Return the image of `ami-...`, or of `ssm:/aws/service/...`, a public parameter.

    Raise CloudError when there is no such image (InvalidAMIID.NotFound) or parameter
    (ParameterNotFound) in the region.
    """
    image_id = reference
    if reference.startswith(_PARAMETER):
        image_id = _parameter(cloud, reference.removeprefix(_PARAMETER))
    reply = ask(cloud, reference, cloud.ec2.describe_images, ImageIds=[image_id])
    if not reply["Images"]:
        raise CloudError("InvalidAMIID.NotFound", "DescribeImages", reference, "no such image")
    return _image(reply["Images"][0])


def made_of(cloud: Cloud) -> dict[str, str]:
    """Return the account's own images by the snapshots they are made of; EC2 protects those."""
    answers = pages(cloud, "own images", cloud.ec2.describe_images, Owners=["self"])
    return {
        device["Ebs"]["SnapshotId"]: image["ImageId"]
        for page in answers
        for image in page["Images"]
        for device in image.get("BlockDeviceMappings", ())
        if device.get("Ebs", {}).get("SnapshotId")
    }


def _parameter(cloud: Cloud, name: str) -> str:
    reply = ask(cloud, name, cloud.ssm.get_parameter, Name=name)
    return reply["Parameter"].get("Value", "")


def _image(described: Mapping[str, Any]) -> Image:
    root = str(described.get("RootDeviceName", ""))
    devices = {one.get("DeviceName"): one for one in described.get("BlockDeviceMappings", ())}
    return Image(
        id=described["ImageId"],
        name=described.get("Name", ""),
        architecture=described.get("Architecture", ""),
        state=described.get("State", ""),
        owner=described.get("OwnerId", ""),
        root_device=root,
        root_gib=int(devices.get(root, {}).get("Ebs", {}).get("VolumeSize", 0)),
    )
