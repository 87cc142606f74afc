"""Volumes and snapshots of the lab's AWS: refused as EC2 does, with disks behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ops.lab.aws.account import Account, answer, of, once, refusal, told


def create_volume(self: Any) -> Any:
    """CreateVolume: tokens honoured, a disk made."""
    if self._get_param("DryRun", False):
        return _moto().create_volume(self)
    result, _ = once(self, "CreateVolume", lambda: _create_volume(self))
    return answer(result)


def attach_volume(self: Any) -> Any:
    """AttachVolume: refused over zones, for a device in use, for an ended instance."""
    backend = self.ec2_backend
    volume = backend.get_volume(self._get_param("VolumeId"))
    instance = backend.get_instance(self._get_param("InstanceId"))
    device = self._get_param("Device")
    _refuse_attachment(volume, instance, device)
    result = _moto().attach_volume(self)
    account = of(self)
    if volume.id in account.disks:
        told(
            lambda: account.machines.attach(volume.id, instance.id, device),
            lambda: backend.detach_volume(volume.id, instance.id, device),
        )
    return result


def detach_volume(self: Any) -> Any:
    """DetachVolume: refused when it is not attached, or the root of a running instance."""
    volume = self.ec2_backend.get_volume(self._get_param("VolumeId"))
    if volume.attachment is None:
        said = f"Volume '{volume.id}' is in the 'available' state."
        raise refusal("IncorrectState", said)
    instance = volume.attachment.instance
    if volume.attachment.device == instance.root_device_name and instance.state == "running":
        said = f"Unable to detach root volume '{volume.id}' from instance '{instance.id}'"
        raise refusal("OperationNotPermitted", said)
    self.params.setdefault("InstanceId", instance.id)
    account = of(self)
    if volume.id in account.disks:
        told(lambda: account.machines.detach(volume.id), lambda: None)
    return _moto().detach_volume(self)


def delete_volume(self: Any) -> Any:
    """DeleteVolume: the disk goes with it."""
    result = _moto().delete_volume(self)
    account, volume_id = of(self), self._get_param("VolumeId")
    if volume_id in account.disks:
        told(lambda: account.machines.delete_volume(volume_id), None)
        account.disks.discard(volume_id)
    return result


def create_snapshot(self: Any) -> Any:
    """CreateSnapshot: the disk's content is kept as of now."""
    result = _moto().create_snapshot(self)
    _keep(of(self), [result.result])
    return answer(_described(result.result, "pending"))


def create_snapshots(self: Any) -> Any:
    """CreateSnapshots: the volumes that were asked for, with their tags where asked for."""
    specification: Mapping[str, Any] = self._get_param("InstanceSpecification", {})
    own = self._parse_tag_specification().get("snapshot", {})
    copied = self._get_param("CopyTagsFromSource") == "volume"
    self.error_on_dryrun()
    made = []
    for volume in _selected(self.ec2_backend, specification):
        description = self._get_param("Description", "")
        snapshot = self.ec2_backend.create_snapshot(volume.id, description)
        source = {tag["key"]: tag["value"] for tag in volume.get_tags()} if copied else {}
        snapshot.add_tags({**source, **own})
        made.append(snapshot)
    _keep(of(self), made)
    return answer({"Snapshots": [_described(snapshot, "pending") for snapshot in made]})


def delete_snapshot(self: Any) -> Any:
    """DeleteSnapshot: what it holds goes with it."""
    result = _moto().delete_snapshot(self)
    account, snapshot_id = of(self), self._get_param("SnapshotId")
    if snapshot_id in account.disks:
        told(lambda: account.machines.delete_snapshot(snapshot_id), None)
        account.disks.discard(snapshot_id)
    return result


def describe_snapshots(self: Any) -> Any:
    """DescribeSnapshots: owners looked at, in pages."""
    found = _moto().describe_snapshots(self).result["Snapshots"]
    owners = {
        self.current_account if owner == "self" else owner
        for owner in self._get_param("OwnerIds", [])
    }
    mine = [one for one in found if not owners or one.owner_id in owners]
    return answer(_page(self, "Snapshots", mine))


def describe_volumes(self: Any) -> Any:
    """DescribeVolumes: in pages."""
    found = _moto().describe_volumes(self).result["Volumes"]
    return answer(_page(self, "Volumes", found))


def _create_volume(response: Any) -> object:
    _refuse_too_small(response)
    volume: Any = _moto().create_volume(response).result
    if volume.volume_type == "gp3" and not volume.throughput:
        volume.throughput = 125
    account = of(response)
    origin = volume.snapshot_id if volume.snapshot_id in account.disks else None
    told(
        lambda: account.machines.create_volume(volume.id, int(volume.size), origin),
        lambda: response.ec2_backend.delete_volume(volume.id),
    )
    account.disks.add(volume.id)
    return volume


def _refuse_too_small(response: Any) -> None:
    size, origin = response._get_param("Size"), response._get_param("SnapshotId")
    if size and origin and int(size) < response.ec2_backend.get_snapshot(origin).volume.size:
        raise refusal("InvalidParameterValue", f"{size} GiB is smaller than snapshot '{origin}'")


def _refuse_attachment(volume: Any, instance: Any, device: str) -> None:
    if instance.state not in {"running", "stopped"}:
        raise refusal("IncorrectState", f"Instance '{instance.id}' is not 'running'.")
    if volume.attachment is not None:
        held = volume.attachment.instance.id
        said = f"{volume.id} is already attached to an instance: {held}"
        raise refusal("VolumeInUse", said)
    if volume.zone.name != instance.placement.availability_zone:
        said = f"The volume '{volume.id}' is not in the same availability zone as '{instance.id}'"
        raise refusal("InvalidVolume.ZoneMismatch", said)
    if device in instance.block_device_mapping:
        said = f"Invalid value '{device}' for unixDevice. It is already in use"
        raise refusal("InvalidParameterValue", said)


def _selected(backend: Any, specification: Mapping[str, Any]) -> list[Any]:
    instance = backend.get_instance(specification["InstanceId"])
    boot_too = str(specification.get("ExcludeBootVolume", False)).lower() != "true"
    left_out = set(specification.get("ExcludeDataVolumeIds", []))
    chosen = [
        block.volume_id
        for device, block in instance.get_block_device_mapping
        if block.volume_id not in left_out and (boot_too or device != instance.root_device_name)
    ]
    if not chosen:
        said = f"No volumes of '{instance.id}' are left to be snapshotted"
        raise refusal("InvalidParameterValue", said)
    return [backend.get_volume(volume_id) for volume_id in chosen]


def _keep(account: Account, snapshots: Sequence[Any]) -> None:
    for snapshot in snapshots:
        if snapshot.volume.id in account.disks:
            _keep_one(account, snapshot)


def _keep_one(account: Account, snapshot: Any) -> None:
    told(
        lambda: account.machines.snapshot(snapshot.id, snapshot.volume.id),
        lambda: setattr(snapshot, "status", "error"),
    )
    account.disks.add(snapshot.id)


def _described(snapshot: Any, state: str) -> dict[str, object]:
    return {
        "SnapshotId": snapshot.id,
        "VolumeId": snapshot.volume.id,
        "VolumeSize": snapshot.volume.size,
        "State": state,
        "Progress": "",
        "StartTime": snapshot.start_time,
        "Description": snapshot.description,
        "Encrypted": snapshot.encrypted,
        "OwnerId": snapshot.owner_id,
        "Tags": snapshot.get_tags(),
    }


def _page(response: Any, name: str, found: Sequence[Any]) -> dict[str, object]:
    """Return one page: `MaxResults` things after the one that NextToken names."""
    limit = int(response._get_param("MaxResults") or 0)
    after = response._get_param("NextToken")
    ids = [one.id for one in found]
    if after is not None and after not in ids:
        raise refusal("InvalidNextToken", "The token is of no use any more")
    first = ids.index(after) + 1 if after else 0
    page = found[first : first + limit] if limit else found[first:]
    more = bool(page) and first + len(page) < len(found)
    return {name: page, "NextToken": page[-1].id if more else None}


def _moto() -> Any:
    from moto.ec2.responses.elastic_block_store import ElasticBlockStore

    return ElasticBlockStore
