"""The plan of what is inside a host: file systems, mounts, packages, files, services. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ops.errors import OpsError, Refused
from ops.inventory.schema import Service, Volume
from ops.plan import Step
from ops.provision.desired import Desired, File
from ops.provision.facts import link
from ops.provision.observed import Device, Host, Mount, Unit

_OURS = uuid.UUID("6c1f7d0a-3a55-4d0c-9b52-0d6f3ff1b1a4")
"""Namespace of the UUIDs of our file systems: by it one is known again as made by us."""

_ENABLED = frozenset({"enabled", "enabled-runtime", "static", "alias", "indirect", "generated"})
"""What systemd says of a unit that is enabled, or that needs no enabling."""


@dataclass(frozen=True)
class Disk:
    """What is known of a data volume outside its host.

    `ours` means that the records say one of our runs made it, empty; `copied` that it was
    made from a snapshot; `formatted` that its file system is recorded as ours. Without an id
    the volume is still to be made.
    """

    id: str = ""
    ours: bool = True
    copied: bool = False
    formatted: bool = False


def plan(desired: Desired, host: Host, disks: Mapping[str, Disk]) -> Iterator[Step]:
    """Yield the steps that make the host's inside as desired, in their order.

    Raise Refused for a volume that is neither provably new and empty nor ours, and for a
    folder that a mount would hide; OpsError when the host can't hold what is declared.
    """
    _check(desired, host)
    inner_last = sorted(desired.volumes.items(), key=lambda item: item[1].mount)
    for name, volume in inner_last:
        yield from _volume(desired, host, name, volume, disks.get(name, Disk()))
    apt_list = desired.apt_list()
    if apt_list:
        yield from _file(host, apt_list, desired.slot)
    yield from _packages(desired, host)
    written = [step for file in desired.files for step in _file(host, file, desired.slot)]
    yield from written
    stale = host.restarts | {
        name for step in written for name in _listed(step.arguments["restarts"])
    }
    for service in desired.services:
        yield from _service(desired.slot, service, host.units.get(service.name), stale)


def filesystem_uuid(volume: str) -> str:
    """Return the UUID that the file system on a volume of ours is given."""
    return str(uuid.uuid5(_OURS, volume))


def entry(volume_id: str, volume: Volume) -> str:
    """Return the line in fstab that mounts a volume by its id, and never stops a boot."""
    path = volume.mount.replace("\\", "\\134").replace(" ", "\\040")
    options = "defaults,nofail,x-systemd.device-timeout=60"
    check = 2 if volume.filesystem == "ext4" else 0
    return f"{link(volume_id)} {path} {volume.filesystem} {options} 0 {check}"


def _check(desired: Desired, host: Host) -> None:
    wanted = [
        ("volumes", bool(desired.volumes), host.root, "root's rights"),
        ("packages", bool(desired.packages), host.root and host.dpkg, "dpkg, and root's rights"),
        ("files", bool(desired.files), host.root, "root's rights"),
        ("services", bool(desired.services), host.root and host.systemd, "systemd, as root"),
    ]
    for what, declared, able, needs in wanted:
        if declared and not able:
            raise OpsError(
                f"{desired.host} is to have {what}, which needs {needs} there",
                f"Take {what} from target in the component's file, or use another image or user.",
            )


def _volume(desired: Desired, host: Host, name: str, volume: Volume, disk: Disk) -> Iterator[Step]:
    device = host.devices.get(disk.id) if disk.id else Device(blank=True)
    mount = host.mounts.get(volume.mount, Mount())
    where = f"{desired.host}: {name} ({disk.id})"
    if device is None:
        raise OpsError(
            f"{where} is attached, and {link(disk.id)} is not there",
            "Data volumes need a Nitro type of instance; otherwise look at the host's dmesg.",
        )
    common = {"slot": desired.slot, "volume": name, "id": disk.id, "type": volume.filesystem}
    if device.blank:
        _must_be_ours(where, disk)
        yield Step(
            "filesystem.make",
            f"{desired.slot}/{name}",
            f"make {volume.filesystem} on {name}{_bracketed(disk.id)}, new and empty",
            common,
        )
    else:
        _must_be_known(where, volume, disk, device)
    yield from _mount(desired, name, volume, disk, device, mount)


def _must_be_ours(where: str, disk: Disk) -> None:
    if disk.copied or not disk.ours or disk.formatted:
        why = "it was made from a snapshot" if disk.copied else "no run of ours made it"
        why = "it once held our file system" if disk.formatted else why
        raise Refused(
            f"{where} is empty, and {why}",
            "Nothing is formatted that is not provably new: look at it by hand.",
        )


def _must_be_known(where: str, volume: Volume, disk: Disk, device: Device) -> None:
    ours = disk.formatted or disk.copied or device.uuid == filesystem_uuid(disk.id)
    if device.filesystem != volume.filesystem or not ours:
        raise Refused(
            f"{where} is not empty, and not as this suite made it: {device.found or 'unreadable'}",
            "Nothing was changed. Keep what is on it, or wipe it by hand if it is nothing.",
        )


def _mount(
    desired: Desired, name: str, volume: Volume, disk: Disk, device: Device, mount: Mount
) -> Iterator[Step]:
    where = f"{desired.host}: {volume.mount}"
    if mount.number and mount.number != device.number:
        raise Refused(
            f"{where} has another device mounted ({mount.number}) than {name} ({disk.id})",
            "Unmount it by hand, or declare another mount.",
        )
    if mount.occupied:
        raise Refused(
            f"{where} holds files that {name} would hide when mounted there",
            "Move them away, or declare another mount.",
        )
    line = entry(disk.id, volume) if disk.id else ""
    if mount.number and mount.entry == line:
        return
    yield Step(
        "mount.set",
        f"{desired.slot}/{name}",
        f"mount {name}{_bracketed(disk.id)} at {volume.mount}, by volume id",
        {
            "slot": desired.slot,
            "volume": name,
            "id": disk.id,
            "path": volume.mount,
            "type": volume.filesystem,
        },
    )


def _packages(desired: Desired, host: Host) -> Iterator[Step]:
    missing = sorted(set(desired.packages) - set(host.packages))
    if missing:
        yield Step(
            "packages.install",
            desired.slot,
            f"install {', '.join(missing)}",
            {"slot": desired.slot, "packages": missing},
        )


def _file(host: Host, file: File, slot: str) -> Iterator[Step]:
    there = host.files.get(file.path)
    why = []
    if there is not None:
        why = [
            words
            for differs, words in (
                (there.kind != "regular file", f"is a {there.kind}"),
                (there.sha256 != file.sha256, "content"),
                (there.owner != file.owner, f"owner {there.owner}"),
                (there.group != file.group, f"group {there.group}"),
                (there.mode != file.mode, f"mode {there.mode}"),
            )
            if differs
        ]
        if not why:
            return
    changed = f", differs: {', '.join(why)}" if why else ""
    yield Step(
        "file.write",
        f"{slot}:{file.path}",
        f"write {file.path} ({file.owner}:{file.group} {file.mode}){changed}",
        {
            "slot": slot,
            "path": file.path,
            "sha256": file.sha256,
            "owner": file.owner,
            "group": file.group,
            "mode": file.mode,
            "restarts": list(file.restarts),
        },
        "change" if there else "add",
    )


def _service(
    slot: str, service: Service, unit: Unit | None, stale: frozenset[str]
) -> Iterator[Step]:
    enabled = unit is not None and unit.enabled in _ENABLED
    running = unit is not None and unit.active in {"active", "activating", "reloading"}
    if service.enabled and not enabled:
        yield _unit_step("enable", slot, service.name, "at each boot")
    if service.state == "running" and service.name in stale:
        yield _unit_step("restart", slot, service.name, "its files are new")
    elif service.state == "running" and not running:
        yield _unit_step("start", slot, service.name)
    if not service.enabled and unit is not None and unit.enabled.startswith("enabled"):
        yield _unit_step("disable", slot, service.name)
    if service.state == "stopped" and running:
        yield _unit_step("stop", slot, service.name)


def _unit_step(verb: str, slot: str, name: str, why: str = "") -> Step:
    words = f"{verb} {name}" + (f", {why}" if why else "")
    add = verb in {"enable", "start"}
    kind = f"service.{verb}"
    return Step(
        kind, f"{slot}:{name}", words, {"slot": slot, "name": name}, "add" if add else "change"
    )


def _bracketed(volume_id: str) -> str:
    return f" ({volume_id})" if volume_id else ""


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
