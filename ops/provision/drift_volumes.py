"""Drift of one slot's volumes in AWS: the root volume, and those with data. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ops.cloud import tags
from ops.cloud.instances import Instance
from ops.cloud.volumes import Volume
from ops.errors import Refused
from ops.inventory.schema import Volume as Declared
from ops.provision import machine, storage
from ops.provision.desired import Desired
from ops.provision.drift import Finding, Sight, finding, provision

_MODIFY = "Modify the volume in the AWS console, or declare what is there."


def findings(sight: Sight, instance: Instance | None) -> Iterator[Finding]:
    """Yield what is not as declared of the slot's volumes; `instance` is the slot's, if any."""
    if instance is not None:
        yield from _root(sight, instance)
        yield from _kept(sight, instance)
    for name, declared in sorted(sight.slot.desired.volumes.items()):
        yield from _volume(sight, instance, name, declared)
    yield from _undeclared(sight)
    yield from _gone(sight)
    yield from _loose(sight)


def notes(sight: Sight) -> Iterator[str]:
    """Yield the volumes of declared names that former instances of the slot have, as no drift."""
    desired, former = sight.slot.desired, sight.slot.account.former
    for name, volume in _others(sight):
        if volume.instance in former:
            yield f"{desired.host}: {volume.instance}, its former instance, has a {name} too " + (
                f"({volume.id}, {volume.size_gib} GiB)"
            )


def leftovers(found: Iterable[Volume], at_work: Collection[str]) -> Iterator[Finding]:
    """Yield the volumes that killed drills and restores left; `at_work` are the runs that go on."""
    for volume in found:
        component, made_by = volume.tags.get(tags.DRILL_OF, ""), volume.tags.get(tags.DRILL, "")
        if made_by in at_work or volume.state in {"deleting", "deleted"}:
            continue
        where = f"attached to {volume.instance}" if volume.instance else "attached to none"
        told = f"{volume.size_gib} GiB, {where}, made by {made_by}"
        todo = f"`fab backup.drill app={component}` removes it; or delete it in the AWS console."
        subject = f"restored volume {volume.id}"
        yield Finding(component, "unknown", subject, "removed with its run", told, todo)


def _root(sight: Sight, instance: Instance) -> Iterator[Finding]:
    root, desired = sight.root, sight.slot.desired
    if root is None:
        yield from _untagged(desired, instance)
        return
    declared = desired.instance.root
    for what, wanted, there in (
        ("size", f"{declared.size_gib} GiB", f"{root.size_gib} GiB"),
        ("type", declared.type, root.type),
        ("iops", declared.iops or root.iops, root.iops),
        ("throughput", declared.throughput or root.throughput, root.throughput),
        ("encryption", declared.encrypted, root.encrypted),
    ):
        if wanted != there:
            subject = f"{what} of the root volume {root.id}"
            yield finding(desired, "changed", subject, wanted, there, todo=_MODIFY)


def _untagged(desired: Desired, instance: Instance) -> Iterator[Finding]:
    for one in instance.attachments:
        if one.device == instance.root_device:
            todo = f"Tag it {tags.COMPONENT}={desired.component}, {tags.SLOT}={desired.slot} again."
            words = ("with our tags", "without them: what it is like is not known")
            yield finding(desired, "changed", f"root volume {one.volume}", *words, todo=todo)


def _kept(sight: Sight, instance: Instance) -> Iterator[Finding]:
    """Yield the data volumes that would end with their instance."""
    data = {volume.id for volume in sight.slot.account.volumes}
    for one in instance.attachments:
        if one.volume in data and one.delete_on_termination:
            todo = f"Clear DeleteOnTermination of {one.device} at {instance.id}."
            words = ("kept on termination", "ends with the instance")
            yield finding(sight.slot.desired, "changed", f"volume {one.volume}", *words, todo=todo)


def _volume(
    sight: Sight, instance: Instance | None, name: str, declared: Declared
) -> Iterator[Finding]:
    desired, slot = sight.slot.desired, sight.slot
    try:
        volume = storage.volume_of(desired, name, slot.account, slot.known)
    except Refused as error:
        yield finding(desired, "missing", f"volume {name}", "one", error.message, todo=error.hint)
        return
    if volume is None:
        todo = provision(desired, "makes it, empty")
        size = f"{declared.size_gib} GiB"
        yield finding(desired, "missing", f"volume {name}", size, "never made", todo=todo)
        return
    yield from _attached(desired, instance, name, volume)
    yield from _size(desired, name, declared, volume)
    recorded = slot.known.recorded
    if recorded is not None and name not in recorded.volumes:
        todo = provision(desired, "takes it over")
        yield finding(desired, "unrecorded", f"volume {name}", "none", volume.id, todo=todo)


def _attached(
    desired: Desired, instance: Instance | None, name: str, volume: Volume
) -> Iterator[Finding]:
    wanted = instance.id if instance else "its instance"
    subject = f"volume {name} ({volume.id})"
    if not volume.instance:
        todo = provision(desired, "attaches and mounts it")
        found = volume.state if volume.state != "available" else "attached to none"
        yield finding(desired, "unattached", subject, wanted, found, todo=todo)
    elif instance is None or volume.instance != instance.id:
        todo = f"Stop {volume.instance} and detach the volume; nothing is torn away."
        found = f"attached to {volume.instance}"
        yield finding(desired, "unattached", subject, wanted, found, todo=todo)
    if instance is not None and volume.zone != instance.zone:
        todo = "A volume can't change its zone: declare the instance in the volume's zone."
        yield finding(
            desired, "changed", f"zone of {subject}", instance.zone, volume.zone, todo=todo
        )


def _size(desired: Desired, name: str, declared: Declared, volume: Volume) -> Iterator[Finding]:
    for what, wanted, there in (
        ("size", declared.size_gib, volume.size_gib),
        ("type", declared.type, volume.type),
        ("device", declared.device, volume.device or declared.device),
        ("iops", declared.iops or volume.iops, volume.iops),
        ("throughput", declared.throughput or volume.throughput, volume.throughput),
        ("encryption", declared.encrypted, volume.encrypted),
    ):
        if wanted != there:
            subject = f"{what} of {name} ({volume.id})"
            yield finding(desired, "changed", subject, wanted, there, todo=_MODIFY)


def _loose(sight: Sight) -> Iterator[Finding]:
    """Yield what else has the name of a declared volume, but for what former instances have."""
    desired, former = sight.slot.desired, sight.slot.account.former
    for name, volume in _others(sight):
        if volume.instance not in former:
            where = f"attached to {volume.instance}" if volume.instance else "attached to none"
            found = f"{volume.size_gib} GiB, {where}"
            todo = "Look at what it holds; then delete it, or take our tags from it."
            subject = f"volume {name} ({volume.id})"
            yield finding(desired, "unknown", subject, "one volume", found, todo=todo)


def _others(sight: Sight) -> Iterator[tuple[str, Volume]]:
    """Yield the volumes that have the name of a recorded one, and are another."""
    recorded = sight.slot.known.recorded
    for volume in sight.slot.account.volumes:
        name = volume.tags.get(tags.VOLUME, "")
        own = recorded.volumes.get(name) if recorded else None
        if own is not None and own.id != volume.id and name in sight.slot.desired.volumes:
            yield name, volume


def _undeclared(sight: Sight) -> Iterator[Finding]:
    desired = sight.slot.desired
    for volume in sight.slot.account.volumes:
        name = volume.tags.get(tags.VOLUME, "")
        if name not in desired.volumes:
            subject = f"volume {name} ({volume.id})"
            found = f"{volume.state}, {volume.size_gib} GiB"
            todo = "Declare it, or look at what it holds and take our tags from it."
            yield finding(desired, "unknown", subject, "none", found, todo=todo)


def _gone(sight: Sight) -> Iterator[Finding]:
    """Yield the recorded volumes that nobody declares or has any more."""
    desired, slot = sight.slot.desired, sight.slot
    for name in machine.gone_volumes(desired, slot.account, slot.known.recorded):
        todo = provision(desired, "takes it from the record")
        yield finding(desired, "missing", f"volume {name}", "as recorded", "gone", todo=todo)
