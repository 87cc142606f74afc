"""The plan of what AWS is to have for one slot: group, key, instance, volumes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ops.cloud import tags
from ops.cloud.groups import Group, Rule
from ops.cloud.instances import Instance
from ops.cloud.volumes import Volume
from ops.errors import Refused
from ops.inventory.schema import InstanceState
from ops.plan import Step
from ops.provision import storage
from ops.provision.desired import Desired
from ops.provision.observed import Account, Known
from ops.provision.storage import Disk

_PASSING = frozenset({"private_address", "public_address", "public_name", "host_key"})
"""What an instance has only while it runs, and its host key only after the first contact."""

EVERYONE = frozenset({"0.0.0.0/0", "::/0"})


@dataclass(frozen=True)
class Machine:
    """The decided part of a slot: its steps, what is said about it, its instance and disks."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    instance: Instance | None
    generation: int
    disks: dict[str, Disk]
    zones: tuple[str, ...] = ()
    """Where an instance may be started: volumes that there are leave it no choice."""

    @property
    def fresh(self) -> bool:
        """Return whether the host can't be asked yet: not made, not running, or not proven."""
        kinds = {step.kind for step in self.steps}
        return bool(kinds & {"instance.make", "instance.start", "host.await"})


def plan(desired: Desired, account: Account, known: Known) -> Machine:
    """Return what to do in AWS for the slot.

    Raise Refused where the facts contradict each other and a person must look: two
    instances or volumes for one, a recorded volume that is gone, a foreign key pair.
    """
    instance = current(desired, account, known.recorded)
    generation = _generation(instance) if instance else _next(account, known.recorded)
    volumes = {name: storage.volume_of(desired, name, account, known) for name in desired.volumes}
    zones = (instance.zone,) if instance else storage.zones(desired, volumes)
    steps = (
        *_state(desired, instance, account, known, volumes),
        *_group(desired, account.group),
        *_key(desired, account.key),
        *_instance(desired, account, instance, generation, zones),
        *storage.steps(desired, instance, generation, volumes, zones),
        *_elastic_ip(desired, instance, account.elastic_ip),
        *_first_contact(desired, instance, generation, known),
    )
    return Machine(
        steps,
        tuple(_notes(desired, account, instance, volumes)),
        instance,
        generation,
        {name: storage.disk(desired, name, volumes[name], known) for name in desired.volumes},
        zones,
    )


def current(desired: Desired, account: Account, recorded: InstanceState | None) -> Instance | None:
    """Return the living instance of the slot, None without one. Raise Refused for several."""
    alive = [one for one in account.instances if one.alive and one.id not in account.former]
    if recorded is not None and any(one.id == recorded.id for one in alive):
        return next(one for one in alive if one.id == recorded.id)
    newest = [one for one in alive if _generation(one) == max(map(_generation, alive))]
    if len(newest) > 1:
        raise Refused(
            f"{desired.host} has {len(newest)} instances: {', '.join(one.id for one in newest)}",
            "Take our tags from the one that is not it, in the AWS console.",
        )
    return newest[0] if newest else None


def _generation(instance: Instance) -> int:
    said = instance.tags.get(tags.GENERATION, "")
    return int(said) if said.isdigit() else 1


def _next(account: Account, recorded: InstanceState | None) -> int:
    past = [one for one in account.instances if not one.alive or one.id in account.former]
    seen = [_generation(one) for one in past]
    return max([0, *seen, recorded.generation if recorded else 0]) + 1


def _group(desired: Desired, group: Group | None) -> Iterator[Step]:
    slot, name = desired.slot, desired.group
    if group is None:
        yield Step("group.make", name, f"make the security group {name}", {"slot": slot})
    there = group.inbound if group else frozenset[Rule]()
    for rule in sorted(desired.rules - there):
        words = f"open {_told(rule)}" + (f": {rule.words}" if rule.words else "")
        yield Step("rule.open", f"{name} {rule}", words, {"slot": slot, **_rule(rule)})
    for rule in sorted(there - desired.rules):
        words = f"close {_told(rule)}, which is not declared"
        arguments = {"slot": slot, **_rule(rule)}
        yield Step("rule.close", f"{name} {rule}", words, arguments, "change")


def _told(rule: Rule) -> str:
    return f"{rule}{' (everyone)' if rule.source in EVERYONE else ''}"


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "protocol": rule.protocol,
        "first": rule.first,
        "last": rule.last,
        "source": rule.source,
        "words": rule.words,
    }


def _key(desired: Desired, key: str | None) -> Iterator[Step]:
    bare = desired.login.public_key.split()[:2]
    if key is None:
        words = f"import the controller's public key as {desired.key_pair}"
        yield Step("key.import", desired.key_pair, words, {"key": " ".join(bare)})
    elif key.split()[:2] != bare:
        raise Refused(
            f"EC2 has another key pair by the name {desired.key_pair}",
            "Choose another cloud.key_name in site.yaml, or correct cloud.public_key.",
        )


def _instance(
    desired: Desired,
    account: Account,
    instance: Instance | None,
    generation: int,
    zones: tuple[str, ...],
) -> Iterator[Step]:
    declared = desired.instance
    if instance is None:
        words = f"start {desired.name}, {declared.type} in {zones[0]} from {desired.image}"
        yield Step(
            "instance.make",
            desired.slot,
            words + (f", generation {generation}" if generation > 1 else ""),
            {
                "slot": desired.slot,
                "generation": generation,
                "types": list(desired.types),
                "zones": list(zones),
                "image": account.image.id if account.image else desired.image,
                "profile": declared.profile,
                "root": declared.root.model_dump(),
            },
        )
    elif instance.state in {"stopped", "stopping"}:
        words = f"start {desired.name} again ({instance.id} is {instance.state})"
        arguments = {"slot": desired.slot, "id": instance.id, "type": instance.type}
        yield Step("instance.start", desired.slot, words, arguments, "change")


def _elastic_ip(
    desired: Desired, instance: Instance | None, elastic_ip: str | None
) -> Iterator[Step]:
    if not desired.instance.elastic_ip:
        return
    if instance is None or not elastic_ip or instance.public_address != elastic_ip:
        words = f"give {desired.name} the Elastic IP address {elastic_ip or 'that it takes'}"
        arguments = {"slot": desired.slot, "new": not elastic_ip}
        yield Step("address.give", desired.slot, words, arguments)


def _first_contact(
    desired: Desired, instance: Instance | None, generation: int, known: Known
) -> Iterator[Step]:
    if instance is not None and generation not in known.kept:
        if not known.pinned:
            raise Refused(
                f"{desired.host} ({instance.id}) runs, and no host key of it is known here",
                "It was not made from this inventory: take our tags from it in the AWS console.",
            )
        return
    slot = {"slot": desired.slot}
    host = desired.host
    yield Step("host.await", desired.slot, f"wait for {host} and prove its throw-away key", slot)
    yield Step("key.renew", desired.slot, f"make a new host key there and pin it as {host}", slot)


def _state(
    desired: Desired,
    instance: Instance | None,
    account: Account,
    known: Known,
    volumes: dict[str, Volume | None],
) -> Iterator[Step]:
    """Yield the step that records what AWS has and the state does not tell, or tells otherwise."""
    if instance is None:
        return
    recorded, generation = known.recorded, _generation(instance)
    seen = {
        "id": instance.id,
        "generation": generation,
        "type": instance.type,
        "zone": instance.zone,
        "image": instance.image,
        "group": account.group.id if account.group else "",
        "private_address": instance.private_address,
        "public_address": instance.public_address or None,
        "public_name": instance.public_name or None,
        "host_key": None if generation in known.kept else known.pinned or None,
    }
    there = {name: volume for name, volume in volumes.items() if volume}
    gone = gone_volumes(desired, account, recorded)
    told = recorded.model_dump(include=set(seen)) if recorded else {}
    passing = _PASSING if instance.state != "running" or generation in known.kept else frozenset()
    changed = {name for name in seen if name not in passing and told.get(name) != seen[name]}
    if gone or _told_volumes(desired, recorded) != {n: one.id for n, one in there.items()}:
        changed.add("volumes")
    if changed:
        taken = f"take over {instance.id}, which a run began and did not record"
        words = f"record what changed in AWS: {', '.join(sorted(changed)).replace('_', ' ')}"
        made = {
            name: {"id": one.id, "created_by": known.maker(name, one)}
            for name, one in there.items()
        }
        arguments = {"slot": desired.slot, "seen": seen, "volumes": made, "gone": gone}
        yield Step(
            "state.record",
            desired.slot,
            taken if told.get("id") != instance.id else words,
            arguments,
            "change",
        )


def _told_volumes(desired: Desired, recorded: InstanceState | None) -> dict[str, str]:
    """Return the recorded volumes that are declared; others are left as they are."""
    there = recorded.volumes.items() if recorded else ()
    return {name: one.id for name, one in there if name in desired.volumes}


def gone_volumes(desired: Desired, account: Account, recorded: InstanceState | None) -> list[str]:
    """Return the recorded volumes that are neither declared nor in AWS any more."""
    found = {volume.id for volume in account.volumes}
    there = recorded.volumes.items() if recorded else ()
    return sorted(n for n, one in there if n not in desired.volumes and one.id not in found)


def _notes(
    desired: Desired,
    account: Account,
    instance: Instance | None,
    volumes: dict[str, Volume | None],
) -> Iterator[str]:
    declared = desired.instance
    port = desired.login.port
    if not any(rule.first <= port <= rule.last for rule in desired.rules):
        yield f"note: no declared rule opens port {port}, which the controller comes in by"
    if instance and instance.type not in desired.types:
        yield f"note: {instance.id} is {instance.type}, {declared.type} is declared: left alone"
    if instance and instance.zone not in desired.zones:
        yield f"note: {instance.id} is in {instance.zone}, {declared.zone} is declared: left alone"
    if instance and account.group and account.group.id not in instance.groups:
        yield f"note: {instance.id} is not in the group {desired.group}: left alone"
    for name, volume in sorted(volumes.items()):
        yield from storage.notes(name, desired.volumes[name], volume)
    for volume in account.volumes:
        name = volume.tags.get(tags.VOLUME, "")
        if name and name not in desired.volumes:
            yield f"note: the volume {name} ({volume.id}) is not declared: left alone"
