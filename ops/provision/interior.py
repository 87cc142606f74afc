"""The plan of what is inside a host: file systems, mounts, packages, files, services. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ops.errors import OpsError, Refused
from ops.inventory.schema import Service, Volume
from ops.plan import Step
from ops.provision import settings
from ops.provision.desired import FIREWALL, Desired, File
from ops.provision.facts import link
from ops.provision.observed import FRESH, Device, Host, HostFile, Mount, Unit
from ops.provision.storage import Disk, filesystem_uuid

_ENABLED = frozenset({"enabled", "enabled-runtime", "static", "alias", "indirect", "generated"})
"""What systemd says of a unit that is enabled, or that needs no enabling."""


@dataclass(frozen=True)
class _Place:
    """A declared volume with all that is known of it."""

    host: str
    slot: str
    name: str
    declared: Volume
    disk: Disk
    device: Device
    mount: Mount

    @property
    def where(self) -> str:
        return f"{self.host}: {self.told}"

    @property
    def told(self) -> str:
        return f"{self.name} ({self.disk.id})" if self.disk.id else self.name

    @property
    def arguments(self) -> dict[str, object]:
        told = {"volume": self.name, "id": self.disk.id, "type": self.declared.filesystem}
        return {"slot": self.slot, **told}


def plan(desired: Desired, host: Host | None, disks: Mapping[str, Disk]) -> Iterator[Step]:
    """Yield the steps that make the host's inside as desired, in their order.

    Without a host, which can't be asked yet, they are what a bare image will need. Raise
    Refused for a volume that is neither provably new and empty nor ours, and for a folder
    that a mount would hide; OpsError when the host can't hold what is declared.
    """
    facts = host or FRESH
    _check(desired, facts)
    for place in sorted(_places(desired, host, disks), key=lambda one: one.declared.mount):
        yield from _volume(place)
    apt_list = desired.apt_list()
    if apt_list:
        yield from _file(facts, apt_list, desired.slot)
    yield from _packages(desired, facts)
    yield from settings.time_zone(desired, facts)
    yield from settings.users(desired, facts)
    written = [step for file in desired.files for step in _file(facts, file, desired.slot)]
    yield from written
    stale = facts.restarts | {
        name for step in written for name in _listed(step.arguments["restarts"])
    }
    why = dict.fromkeys(stale, "its files are new")
    if desired.firewall and host and not host.filtered:
        why.setdefault(FIREWALL, "the kernel filters by other rules")
    for service in desired.services:
        yield from _service(desired.slot, service, facts.units.get(service.name), why)


def entry(volume_id: str, volume: Volume) -> str:
    """Return the line in fstab that mounts a volume by its id, and never stops a boot."""
    path = volume.mount.replace("\\", "\\134").replace(" ", "\\040")
    options = "defaults,nofail,x-systemd.device-timeout=60"
    check = 2 if volume.filesystem == "ext4" else 0
    return f"{link(volume_id)} {path} {volume.filesystem} {options} 0 {check}"


def differences(file: File, there: HostFile) -> list[str]:
    """Return in what a file on the host is not as declared, in words; empty when it is."""
    return [
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


def _check(desired: Desired, host: Host) -> None:
    wanted = [
        ("volumes", bool(desired.volumes), host.root, "root's rights"),
        ("packages", bool(desired.packages), host.root and host.dpkg, "dpkg, and root's rights"),
        ("files", bool(desired.files), host.root, "root's rights"),
        ("services", bool(desired.services), host.root and host.systemd, "systemd, as root"),
        ("users", bool(desired.users), host.root, "root's rights"),
        ("time_zone", bool(desired.time_zone), host.root, "root's rights"),
    ]
    for what, declared, able, needs in wanted:
        if declared and not able:
            raise OpsError(
                f"{desired.host} is to have {what}, which needs {needs} there",
                f"Take {what} from target in the component's file, or use another image or user.",
            )


def _places(desired: Desired, host: Host | None, disks: Mapping[str, Disk]) -> Iterator[_Place]:
    for name, declared in desired.volumes.items():
        disk = disks.get(name, Disk())
        seen = host is not None and disk.attached
        device = host.devices.get(disk.id) if host and seen else disk.foreseen(declared)
        if device is None:
            raise OpsError(
                f"{desired.host}: {name} is attached, and {link(disk.id)} is not there",
                "Data volumes need a Nitro type of instance; otherwise look at the host's dmesg.",
            )
        mount = host.mounts.get(declared.mount, Mount()) if host else Mount()
        yield _Place(desired.host, desired.slot, name, declared, disk, device, mount)


def _volume(place: _Place) -> Iterator[Step]:
    subject = f"{place.slot}/{place.name}"
    if place.device.blank:
        _must_be_ours(place)
        words = f"make {place.declared.filesystem} on {place.told}, new and empty"
        yield Step("filesystem.make", subject, words, place.arguments)
    else:
        _must_be_known(place)
    _must_be_free(place)
    line = entry(place.disk.id, place.declared) if place.disk.id else ""
    if not place.mount.number or place.mount.entry != line:
        path = place.declared.mount
        words = f"mount {place.told} at {path}, by volume id"
        yield Step("mount.set", subject, words, {**place.arguments, "path": path})


def _must_be_ours(place: _Place) -> None:
    disk = place.disk
    if disk.copied or not disk.ours or disk.formatted:
        why = "it was made from a snapshot" if disk.copied else "no run of ours made it"
        why = "it once held our file system" if disk.formatted else why
        raise Refused(
            f"{place.where} is empty, and {why}",
            "Nothing is formatted that is not provably new: look at it by hand.",
        )


def _must_be_known(place: _Place) -> None:
    disk, device = place.disk, place.device
    ours = disk.formatted or disk.copied or device.uuid == filesystem_uuid(disk.id)
    if device.filesystem != place.declared.filesystem or not ours:
        found = device.found or "something that blkid and wipefs can't read"
        raise Refused(
            f"{place.where} is not empty, and not as this suite made it: {found}",
            "Nothing was changed on it. If it holds nothing of worth, wipe it by hand.",
        )


def _must_be_free(place: _Place) -> None:
    """Raise Refused when the folder is another device's, or not empty."""
    mount, path = place.mount, f"{place.host}: {place.declared.mount}"
    if mount.number and mount.number != place.device.number:
        raise Refused(
            f"{path} has another device mounted ({mount.number}) than {place.told}",
            "Unmount it by hand, or declare another mount.",
        )
    if mount.occupied:
        raise Refused(
            f"{path} holds files that {place.told} would hide when mounted there",
            "Move them away, or declare another mount.",
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
    why = differences(file, there) if there else []
    if there and not why:
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
    slot: str, service: Service, unit: Unit | None, stale: Mapping[str, str]
) -> Iterator[Step]:
    enabled = unit is not None and unit.enabled in _ENABLED
    running = unit is not None and unit.active in {"active", "activating", "reloading"}
    if service.enabled and not enabled:
        yield _unit_step("enable", slot, service.name, "at each boot")
    if service.state == "running" and service.name in stale:
        yield _unit_step("restart", slot, service.name, stale[service.name])
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


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
