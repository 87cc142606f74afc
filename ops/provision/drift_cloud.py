"""Drift of one slot in AWS: its group, key, instance and address. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ops.cloud.instances import Instance
from ops.cloud.status import Health
from ops.errors import Refused
from ops.inventory.schema import FormerState, InstanceState
from ops.provision import drift_volumes, machine
from ops.provision.desired import Desired
from ops.provision.drift import Finding, Sight, finding, provision

_DOWN = frozenset({"stopped", "stopping"})
_ALWAYS = ("id", "type", "zone", "image")
_RUNNING = ("private_address", "public_address", "public_name")
"""What an instance has only while it runs."""


def findings(sight: Sight) -> Iterator[Finding]:
    """Yield what is not in AWS as it is declared, or as it was recorded.

    A slot that was never provisioned has none, unless AWS has something of it.
    """
    slot = sight.slot
    try:
        instance = machine.current(slot.desired, slot.account, slot.known.recorded)
    except Refused as error:
        yield finding(slot.desired, "unknown", "instances", "one", error.message, todo=error.hint)
        return
    if instance is None and slot.known.recorded is None:
        return
    yield from _key(sight)
    yield from _group(sight, instance)
    if instance is None:
        yield _missing(sight)
    else:
        yield from _instance(sight, instance)
    yield from _predecessors(sight, instance)
    yield from drift_volumes.findings(sight, instance)


def notes(sight: Sight, former: Mapping[str, FormerState]) -> Iterator[str]:
    """Yield what is kept of the slot's past: it is no drift, and costs money."""
    desired = sight.slot.desired
    for one in sight.slot.account.instances:
        told = former.get(one.id)
        if told is not None and one.state in _DOWN:
            yield (
                f"{desired.host}: {one.id} was {told.why} on {told.since:%Y-%m-%d} and is kept, "
                f"{one.state}; when nobody needs it, end it in the AWS console (its termination "
                "protection off)"
            )
    yield from drift_volumes.notes(sight)


def _key(sight: Sight) -> Iterator[Finding]:
    desired, there = sight.slot.desired, sight.slot.account.key
    wanted = desired.login.public_key.split()[:2]
    if there is None:
        todo = provision(desired, "imports it")
        subject = f"key pair {desired.key_pair}"
        yield finding(desired, "missing", subject, "the controller's", "none", todo=todo)
    elif there.split()[:2] != wanted:
        todo = "Choose another cloud.key_name in site.yaml, or correct cloud.public_key."
        subject = f"key pair {desired.key_pair}"
        yield finding(desired, "changed", subject, "the controller's", "another key", todo=todo)


def _group(sight: Sight, instance: Instance | None) -> Iterator[Finding]:
    desired, group = sight.slot.desired, sight.slot.account.group
    if group is None:
        todo = provision(desired, "makes it anew; attach it to the instance by hand")
        yield finding(desired, "missing", f"group {desired.group}", "there", "gone", todo=todo)
        return
    for rule in sorted(group.inbound - desired.rules):
        everyone = " (everyone)" if rule.source in machine.EVERYONE else ""
        todo = provision(desired, "closes it; if it is wanted, declare it under rules")
        found = f"open{everyone}" + (f": {rule.words}" if rule.words else "")
        yield finding(desired, "opened", f"{group.name} {rule}", "closed", found, todo=todo)
    for rule in sorted(desired.rules - group.inbound):
        todo = provision(desired, "opens it")
        yield finding(desired, "closed", f"{group.name} {rule}", "open", "closed", todo=todo)
    if instance is None:
        return
    if group.id not in instance.groups:
        todo = "Give the instance its group again, in the AWS console."
        found = ", ".join(instance.groups) or "no group"
        yield finding(desired, "changed", f"groups of {instance.id}", group.id, found, todo=todo)
    for other in instance.groups:
        if other != group.id:
            todo = (
                f"Take {other} from {instance.id} in the AWS console: it opens what we can't see."
            )
            subject = f"groups of {instance.id}"
            yield finding(desired, "opened", subject, group.id, f"{other} too", todo=todo)


def _missing(sight: Sight) -> Finding:
    desired, recorded = sight.slot.desired, sight.slot.known.recorded
    name = recorded.id if recorded else ""
    last = next((one for one in sight.slot.account.instances if one.id == name), None)
    found = f"{last.state}: {last.reason}".rstrip(": ") if last else "AWS does not know it"
    todo = f"`fab provision.replace app={desired.component}` puts a successor in its place."
    return finding(desired, "missing", f"instance {name}", "running", found, todo=todo)


def _instance(sight: Sight, instance: Instance) -> Iterator[Finding]:
    yield from _state(sight, instance)
    yield from _make(sight.slot.desired, instance)
    yield from _address(sight, instance)
    yield from _records(sight, instance)


def _state(sight: Sight, instance: Instance) -> Iterator[Finding]:
    desired, subject = sight.slot.desired, f"instance {instance.id}"
    if instance.state in _DOWN:
        found = f"{instance.state} {instance.reason}".strip()
        todo = provision(desired, "starts it again")
        yield finding(desired, "stopped", subject, "running", found, todo=todo)
    health = sight.health or Health("", "", "")
    for check in health.impaired:
        todo = {
            "system": f"Stop and start {instance.id}: it comes up on other hardware.",
            "instance": f"Look at the console output of {instance.id}, then reboot it.",
            "volumes": "Look at the volumes' status in the AWS console; take a snapshot now.",
        }[check]
        found = f"the {check} check fails"
        yield finding(desired, "impaired", subject, "ok", found, todo=todo)
    for event in health.events:
        when = f"{event.begins:%Y-%m-%d %H:%M} UTC" if event.begins else "some day"
        todo = (
            f"Before that: stop and start {instance.id} at a time of your own choice."
            if event.code in {"instance-stop", "instance-retirement", "system-maintenance"}
            else f"Expect it, or reboot {instance.id} at a time of your own choice."
        )
        found = f"{event.code} from {when}: {event.words}"
        yield finding(desired, "event", subject, "none", found, todo=todo)


def _make(desired: Desired, instance: Instance) -> Iterator[Finding]:
    """Yield in what the instance is not the one declared; nothing of it can be put right alone."""
    declared = desired.instance
    named = instance.profile.rpartition("/")[2]
    replace = f"`fab provision.replace app={desired.component}` makes one as declared"
    for what, wanted, there, same, todo in (
        (
            "type",
            " or ".join(desired.types),
            instance.type,
            instance.type in desired.types,
            replace,
        ),
        (
            "zone",
            " or ".join(desired.zones),
            instance.zone,
            instance.zone in desired.zones,
            replace,
        ),
        (
            "image",
            desired.image,
            instance.image,
            not desired.image.startswith("ami-") or desired.image == instance.image,
            replace,
        ),
        ("key pair", desired.key_pair, instance.key, desired.key_pair == instance.key, replace),
        (
            "profile",
            declared.profile or "none",
            named or "none",
            (declared.profile or "") == named,
            "Set the instance's IAM role in the AWS console",
        ),
        (
            "metadata service",
            "version 2 only",
            "version 1 too",
            instance.metadata_tokens in {"required", ""},
            "Require tokens (IMDSv2) in the instance's metadata options in the AWS console",
        ),
    ):
        if not same:
            words = f"{todo}; or declare what is there."
            yield finding(desired, "changed", f"{what} of {instance.id}", wanted, there, todo=words)


def _address(sight: Sight, instance: Instance) -> Iterator[Finding]:
    desired, elastic = sight.slot.desired, sight.slot.account.elastic_ip
    if desired.instance.elastic_ip and (not elastic or instance.public_address != elastic):
        todo = provision(desired, "gives it back")
        found = instance.public_address or "none"
        wanted = elastic or "one of its own"
        yield finding(desired, "unattached", "Elastic IP address", wanted, found, todo=todo)
    if elastic and not desired.instance.elastic_ip:
        todo = "Declare elastic_ip: true, or release the address in the AWS console."
        yield finding(desired, "unknown", "Elastic IP address", "none", elastic, todo=todo)


def _records(sight: Sight, instance: Instance) -> Iterator[Finding]:
    desired, known = sight.slot.desired, sight.slot.known
    recorded = known.recorded
    if recorded is None or recorded.id != instance.id:
        found = recorded.id if recorded else "no record"
        todo = provision(desired, "takes it over")
        yield finding(desired, "unrecorded", "instance", found, instance.id, todo=todo)
        return
    for name in (*_ALWAYS, *(_RUNNING if instance.state == "running" else ())):
        told, there = getattr(recorded, name) or "none", getattr(instance, name) or "none"
        if told != there:
            todo = provision(desired, "records it")
            yield finding(desired, "unrecorded", name.replace("_", " "), told, there, todo=todo)
    yield from _finished(sight, recorded)


def _finished(sight: Sight, recorded: InstanceState) -> Iterator[Finding]:
    desired, known, group = sight.slot.desired, sight.slot.known, sight.slot.account.group
    if group is not None and recorded.group != group.id:
        todo = provision(desired, "records it")
        yield finding(desired, "unrecorded", "group", recorded.group, group.id, todo=todo)
    if not recorded.ready or recorded.generation in known.kept:
        todo = provision(desired, "goes on from where it stopped")
        yield finding(desired, "unrecorded", "provisioning", "done", "not finished", todo=todo)
    elif (recorded.host_key or "") != known.pinned:
        todo = (
            f"Compare both with the host's console output, then pin the true one for "
            f"{desired.host} in known_hosts; `fab inventory.history` says who changed it."
        )
        pinned = known.pinned or "none"
        told = recorded.host_key or "none"
        yield finding(desired, "host key", "pinned in known_hosts", told, pinned, todo=todo)


def _predecessors(sight: Sight, instance: Instance | None) -> Iterator[Finding]:
    """Yield the slot's other living instances, but for those that were replaced and are kept."""
    desired, account = sight.slot.desired, sight.slot.account
    for other in account.instances:
        kept = other.id in account.former and other.state in _DOWN
        if not other.alive or other is instance or kept:
            continue
        todo = f"Look at {other.id}; then stop and terminate it, or take our tags from it."
        found = f"{other.state}, {other.type} in {other.zone}"
        yield finding(desired, "unknown", f"instance {other.id}", "one instance", found, todo=todo)
