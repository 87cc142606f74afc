"""EBS volumes: made with a token, attached, detached, described, waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ops.cloud.calls import Wait, ask, pages, until, utc
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.cloud.tags import Wanted, filters, mapped, specified, words

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef


@dataclass(frozen=True)
class Order:
    """Everything one CreateVolume call asks for. From a snapshot the size may be left 0."""

    token: str
    zone: str
    size_gib: int
    tags: Mapping[str, str]
    type: str = "gp3"
    encrypted: bool = True
    iops: int | None = None
    throughput: int | None = None
    snapshot: str | None = None


@dataclass(frozen=True)
class Volume:
    """A volume as EC2 describes it; `instance`, `device`, `attachment` are "" when detached."""

    id: str
    state: str
    zone: str
    size_gib: int
    type: str
    encrypted: bool
    iops: int
    throughput: int
    snapshot: str
    instance: str
    device: str
    attachment: str
    """attaching, attached, busy, detaching, or "" when there is none."""
    delete_on_termination: bool
    created: datetime | None
    tags: Mapping[str, str] = field(default_factory=dict)


def find(cloud: Cloud, wanted: Wanted) -> tuple[Volume, ...]:
    """Return the volumes with all the wanted tags, sorted by id."""
    return _find(cloud, words(wanted), filters(wanted))


def attached_to(cloud: Cloud, instance_id: str) -> tuple[Volume, ...]:
    """Return the volumes of an instance, the root volume too, sorted by id."""
    selected: list[FilterTypeDef] = [{"Name": "attachment.instance-id", "Values": [instance_id]}]
    return _find(cloud, instance_id, selected)


def get(cloud: Cloud, volume_id: str) -> Volume | None:
    """Return one volume by id, or None when EC2 does not know it (yet, or any more)."""
    try:
        reply = ask(cloud, volume_id, cloud.ec2.describe_volumes, VolumeIds=[volume_id])
    except CloudError as error:
        if error.code == "InvalidVolume.NotFound":
            return None
        raise
    return _volume(reply["Volumes"][0]) if reply["Volumes"] else None


def create(cloud: Cloud, order: Order) -> Volume:
    """Make a volume and return it; the same order again returns the same volume.

    Raise CloudError (IdempotentParameterMismatch) when the token was used otherwise.
    """
    asked: dict[str, Any] = {
        "ClientToken": order.token,
        "AvailabilityZone": order.zone,
        "VolumeType": order.type,
        "Encrypted": order.encrypted,
        "TagSpecifications": specified(["volume"], order.tags),
    }
    asked |= {"Size": order.size_gib} if order.size_gib else {}
    asked |= {"Iops": order.iops} if order.iops else {}
    asked |= {"Throughput": order.throughput} if order.throughput else {}
    asked |= {"SnapshotId": order.snapshot} if order.snapshot else {}
    reply = ask(cloud, order.tags.get("Name", ""), cloud.ec2.create_volume, **asked)
    return _volume(reply)


def attach(cloud: Cloud, volume_id: str, instance_id: str, device: str) -> None:
    """Attach a volume to an instance as `device`; attached there already is no error.

    Raise CloudError: VolumeInUse (another instance has it), InvalidVolume.ZoneMismatch,
    InvalidParameterValue (the device is taken), IncorrectState.
    """
    call = cloud.ec2.attach_volume
    subject = f"{volume_id} to {instance_id}"
    try:
        ask(cloud, subject, call, VolumeId=volume_id, InstanceId=instance_id, Device=device)
    except CloudError as error:
        known = {"VolumeInUse", "IncorrectState", "InvalidParameterValue"}
        if error.code not in known and not error.uncertain:
            raise
        seen = get(cloud, volume_id)
        if seen is None or (seen.instance, seen.device) != (instance_id, device):
            raise


def detach(cloud: Cloud, volume_id: str, instance_id: str) -> None:
    """Detach a volume from an instance, never forced; detached already is no error."""
    call = cloud.ec2.detach_volume
    subject = f"{volume_id} from {instance_id}"
    try:
        ask(cloud, subject, call, VolumeId=volume_id, InstanceId=instance_id)
    except CloudError as error:
        known = {"IncorrectState", "InvalidAttachment.NotFound"}
        if error.code not in known and not error.uncertain:
            raise
        seen = get(cloud, volume_id)
        if seen is None or seen.instance == instance_id:
            raise


def keep(cloud: Cloud, instance_id: str, device: str) -> None:
    """Let the volume at `device` outlive its instance."""
    ask(
        cloud,
        f"{instance_id} {device}",
        cloud.ec2.modify_instance_attribute,
        InstanceId=instance_id,
        BlockDeviceMappings=[{"DeviceName": device, "Ebs": {"DeleteOnTermination": False}}],
    )


def remove(cloud: Cloud, volume_id: str) -> None:
    """Delete a volume; gone already is no error."""
    try:
        ask(cloud, volume_id, cloud.ec2.delete_volume, VolumeId=volume_id)
    except CloudError as error:
        if error.code != "InvalidVolume.NotFound":
            raise


def wait_available(cloud: Cloud, volume_id: str, patience: Wait | None = None) -> Volume:
    """Wait until the volume is free to be attached: made, or detached. Return it."""

    def look() -> Volume | None:
        seen = _usable(cloud, volume_id)
        return seen if seen is not None and seen.state == "available" else None

    return until(patience or Wait(), look, subject=volume_id, goal="available")


def wait_attached(cloud: Cloud, volume_id: str, patience: Wait | None = None) -> Volume:
    """Wait until the instance has the volume. Return it."""

    def look() -> Volume | None:
        seen = _usable(cloud, volume_id)
        return seen if seen is not None and seen.attachment == "attached" else None

    return until(patience or Wait(), look, subject=volume_id, goal="attached")


def _usable(cloud: Cloud, volume_id: str) -> Volume | None:
    seen = get(cloud, volume_id)
    if seen is not None and seen.state in {"error", "deleting", "deleted"}:
        raise CloudError(
            "BadState",
            "",
            volume_id,
            f"the volume is in state {seen.state}",
            "It is of no use any more: look at it in the AWS console.",
        )
    return seen


def _find(cloud: Cloud, subject: str, selected: Sequence[Any]) -> tuple[Volume, ...]:
    given: dict[str, Any] = {"Filters": selected, "PaginationConfig": {"PageSize": 500}}
    answers = pages(cloud, subject, cloud.ec2.describe_volumes, **given)
    found = [_volume(one) for page in answers for one in page["Volumes"]]
    return tuple(sorted(found, key=lambda volume: volume.id))


def _volume(described: Mapping[str, Any]) -> Volume:
    attachment: Mapping[str, Any] = next(iter(described.get("Attachments") or ()), {})
    return Volume(
        id=described["VolumeId"],
        state=described.get("State", ""),
        zone=described.get("AvailabilityZone", ""),
        size_gib=int(described.get("Size", 0)),
        type=described.get("VolumeType", ""),
        encrypted=bool(described.get("Encrypted", False)),
        iops=int(described.get("Iops", 0)),
        throughput=int(described.get("Throughput", 0)),
        snapshot=described.get("SnapshotId", ""),
        instance=attachment.get("InstanceId", ""),
        device=attachment.get("Device", ""),
        attachment=attachment.get("State", ""),
        delete_on_termination=bool(attachment.get("DeleteOnTermination", False)),
        created=utc(described.get("CreateTime")),
        tags=mapped(described.get("Tags")),
    )
