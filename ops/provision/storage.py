"""The plan of a slot's data volumes, and what is known of them outside their host. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from ops.cloud import tags
from ops.cloud.instances import Instance
from ops.cloud.volumes import Volume
from ops.errors import Refused
from ops.inventory.schema import Volume as Declared
from ops.plan import Step
from ops.provision.desired import Desired
from ops.provision.observed import Account, Device, Known

_OURS = uuid.UUID("6c1f7d0a-3a55-4d0c-9b52-0d6f3ff1b1a4")
"""Namespace of the UUIDs of our file systems: by it one is known again as made by us."""


@dataclass(frozen=True)
class Disk:
    """What is known of a data volume outside its host.

    `ours` means that the records say one of our runs made it, empty; `copied` that it was
    made from a snapshot; `formatted` that its file system is recorded as ours. Without an id
    the volume is still to be made; only an attached one can be seen by the host.
    """

    id: str = ""
    attached: bool = False
    ours: bool = True
    copied: bool = False
    formatted: bool = False

    def foreseen(self, declared: Declared) -> Device:
        """Return how the host will see a volume that is still to be attached."""
        if self.formatted or self.copied:
            return Device("", False, declared.filesystem, filesystem_uuid(self.id))
        return Device(blank=True)


def filesystem_uuid(volume: str) -> str:
    """Return the UUID that the file system on a volume of ours is given."""
    return str(uuid.uuid5(_OURS, volume))


def volume_of(desired: Desired, name: str, account: Account, known: Known) -> Volume | None:
    """Return the volume that there is for a name. Raise Refused for two, or for a lost one."""
    found = [one for one in account.volumes if one.tags.get(tags.VOLUME) == name]
    recorded = known.recorded.volumes.get(name) if known.recorded else None
    if recorded is not None:
        found = [one for one in account.volumes if one.id == recorded.id]
        if not found:
            raise Refused(
                f"{desired.host}: the volume {name} ({recorded.id}) is gone from AWS",
                "What it held is to be restored from a snapshot; nothing empty takes its place.",
            )
    if len(found) > 1:
        raise Refused(
            f"{desired.host}: {len(found)} volumes are {name}: {', '.join(v.id for v in found)}",
            "Take our tags from those that are not it, in the AWS console.",
        )
    return found[0] if found else None


def zones(desired: Desired, there: dict[str, Volume | None]) -> tuple[str, ...]:
    """Return where the instance may be: a volume that there is can't leave its zone.

    Raise Refused when no declared zone has them all.
    """
    held = {volume.zone: f"{name} ({volume.id})" for name, volume in there.items() if volume}
    fit = tuple(zone for zone in desired.zones if held.keys() <= {zone})
    if not fit:
        zone, told = next((zone, told) for zone, told in held.items() if zone != desired.zones[0])
        raise Refused(
            f"{desired.host}: {told} is in {zone}, the instance in {desired.zones[0]}",
            "A volume can't change its zone: declare the instance in the volume's zone.",
        )
    return fit


def steps(
    desired: Desired,
    instance: Instance | None,
    generation: int,
    there: dict[str, Volume | None],
    places: tuple[str, ...],
) -> Iterator[Step]:
    """Yield the steps that make and attach the volumes, in the instance's zone."""
    zone = instance.zone if instance else places[0]
    for name, declared in sorted(desired.volumes.items()):
        volume = there[name]
        if volume is None:
            yield _make(desired, name, declared, zone, generation)
        elif volume.zone != zone:
            raise Refused(
                f"{desired.host}: {name} ({volume.id}) is in {volume.zone}, the instance in {zone}",
                "A volume can't change its zone: declare the instance in the volume's zone.",
            )
        if volume is None or not volume.instance:
            yield _attach(desired, name, declared, volume)
        elif instance is None or volume.instance != instance.id:
            raise Refused(
                f"{desired.host}: {name} ({volume.id}) is attached to {volume.instance}",
                "Stop that instance and detach the volume first; nothing is torn away.",
            )


def _make(desired: Desired, name: str, declared: Declared, zone: str, generation: int) -> Step:
    encrypted = "" if declared.encrypted else ", not encrypted"
    snapshot = desired.snapshots.get(name)
    origin = f" from {snapshot}" if snapshot else ""
    words = f"make the volume {name}, {declared.size_gib} GiB {declared.type} in {zone}{origin}"
    return Step(
        "volume.make",
        f"{desired.slot}/{name}",
        words + encrypted,
        {
            **({"snapshot": snapshot} if snapshot else {}),
            "slot": desired.slot,
            "volume": name,
            "generation": generation,
            "zone": zone,
            "size_gib": declared.size_gib,
            "type": declared.type,
            "iops": declared.iops,
            "throughput": declared.throughput,
            "encrypted": declared.encrypted,
        },
    )


def _attach(desired: Desired, name: str, declared: Declared, volume: Volume | None) -> Step:
    told = f"{name} ({volume.id})" if volume else name
    return Step(
        "volume.attach",
        f"{desired.slot}/{name}",
        f"attach {told} as {declared.device}",
        {
            "slot": desired.slot,
            "volume": name,
            "id": volume.id if volume else "",
            "device": declared.device,
        },
    )


def disk(desired: Desired, name: str, volume: Volume | None, known: Known) -> Disk:
    """Return what is known of a volume; one that is still to be made may be a copy."""
    if volume is None:
        return Disk(copied=name in desired.snapshots)
    recorded = known.recorded.volumes.get(name) if known.recorded else None
    return Disk(
        id=volume.id,
        attached=bool(volume.instance),
        ours=bool(known.maker(name, volume)),
        copied=bool(volume.snapshot),
        formatted=bool(recorded and recorded.formatted),
    )


def notes(name: str, declared: Declared, volume: Volume | None) -> Iterator[str]:
    if volume is None:
        return
    for what, there, wanted in (
        ("GiB", volume.size_gib, declared.size_gib),
        ("as its type", volume.type, declared.type),
        ("as its device", volume.device or declared.device, declared.device),
    ):
        if there != wanted:
            yield (
                f"note: {name} ({volume.id}) has {there} {what}, {wanted} is declared: left alone"
            )
