"""The plan of a replacement: a successor, its volumes, the switch, and the way back. Pure.

Everything follows from what there is, so that a run after a crash plans what is left.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ops.cloud.instances import Instance
from ops.cloud.volumes import Volume
from ops.errors import Refused
from ops.inventory.proofs import proven
from ops.inventory.schema import Component, ReplacementState, State
from ops.plan import Plan, Step
from ops.provision import plan as provision_plan
from ops.provision.plan import Slot

_VOLUMES = frozenset({"volume.make", "volume.attach"})


@dataclass(frozen=True)
class Sight:
    """All that a plan rests on. `opened` is false while nothing is recorded of it yet.

    `old` is None when EC2 knows it no more; `volumes` are the old instance's by name, as far
    as there are any; `slot` is the successor's. `address` is where the Elastic IP is now,
    `pinned` the host key that is pinned under the slot's name.
    """

    name: str
    slot: Slot
    declared: Component
    replacement: ReplacementState
    opened: bool
    old: Instance | None
    volumes: Mapping[str, Volume]
    address: str = ""
    pinned: str | None = None
    made: Mapping[str, Volume] = field(default_factory=dict)
    """The volumes that are new with the successor, by name: the old instance never had them."""

    @property
    def told(self) -> dict[str, object]:
        """Return what every step of it has among its arguments."""
        return {"slot": self.slot.desired.slot}

    @property
    def host(self) -> str:
        """Return the name that is switched."""
        return self.slot.desired.host.removesuffix(".next")


def opening(
    state: State,
    slot: str,
    old: Instance | None,
    there: Collection[str],
    declared: Collection[str],
    *,
    from_snapshot: bool,
    key: str | None = None,
) -> ReplacementState:
    """Return a replacement to begin: which volumes are moved, which made from snapshots.

    `there` are the names of its volumes that AWS has. One of the `declared` that is gone is
    made from the newest proven snapshot, with `from_snapshot` all. `key` is the host key that
    it is known by. Raise Refused when there is no such snapshot.
    """
    recorded = state.instances[slot]
    wanted = [name for name in recorded.volumes if name in declared]
    lost = [name for name in wanted if from_snapshot or name not in there]
    drill = proven(state)
    parts = {one.name: one.backup for one in (drill.parts if drill else ()) if one.slot == slot}
    unproven = sorted(set(lost) - set(parts))
    if unproven:
        raise Refused(
            f"no proven snapshot holds {', '.join(unproven)} of {slot}",
            "Prove one by a restore drill first: `fab backup.drill`.",
        )
    return ReplacementState(
        old=recorded,
        key=key,
        ran=old is not None and old.state in {"pending", "running"},
        gone=old is None or not old.alive,
        snapshots={name: parts[name] for name in lost},
    )


def plan(sight: Sight) -> Plan:
    """Return what is to be done, from opening the replacement to closing it."""
    steps = [*_open(sight)]
    if not sight.replacement.switched:
        decided = sight.slot.machine()
        steps += [s for s in decided.steps if s.kind not in _VOLUMES]
        steps += [*_stop(sight), *_detach(sight)]
        steps += [s for s in decided.steps if s.kind in _VOLUMES]
        steps += provision_plan.within(sight.slot, decided)
        steps += _switch(sight)
    steps += _after(sight)
    facts = {"old": sight.replacement.old.id, "snapshots": dict(sight.replacement.snapshots)}
    return Plan("provision.replace", sight.name, tuple(steps), facts)


def back(sight: Sight, successor: Instance | None) -> list[Step]:
    """Return the steps back to the old instance: its key, its volumes, that it runs as before."""
    steps, told = [], sight.told
    if sight.replacement.key not in {None, sight.pinned}:
        words = f"know {sight.host} by the host key of {sight.replacement.old.id} again"
        steps.append(_step("key.return", sight.host, words, {**told, "key": sight.replacement.key}))
    new = sight.slot.desired.name
    ours = {successor.id} if successor else set()
    moved = {name: one for name, one in sight.volumes.items() if one.instance in {"", *ours}}
    if successor is not None and successor.state not in {"stopped", "terminated"}:
        words = f"stop the successor {successor.id}; it is kept for you to look at"
        steps.append(_step("instance.stop", new, words, {**told, "id": successor.id}))
    steps += [
        _from(sight, name, one.id, one.instance) for name, one in moved.items() if one.instance
    ]
    steps += [
        _from(sight, name, one.id, one.instance)
        for name, one in sight.made.items()
        if one.instance in ours
    ]
    for name, one in moved.items():
        declared = sight.slot.desired.volumes.get(name)
        device = declared.device if declared else one.device
        arguments = {**told, "id": one.id, "instance": sight.replacement.old.id, "device": device}
        words = f"attach {name} ({one.id}) to {sight.replacement.old.id} again"
        steps.append(_step("volume.return", name, words, arguments))
    if sight.replacement.ran and sight.old is not None and sight.old.state != "running":
        words = f"start {sight.old.id} again"
        steps.append(_step("old.start", sight.host, words, {**told, "id": sight.old.id}))
    steps.append(_step("replacement.undo", sight.host, f"keep {sight.host} as it was", told))
    return steps


def no_way_back(found: ReplacementState) -> str:
    """Return why there is no way back to the old instance, "" when there is one."""
    if found.switched:
        return "the successor has the name by now"
    return "the old one has ended" if found.gone else ""


def lost(state: State, found: ReplacementState, now: datetime) -> timedelta | None:
    """Return how much is lost at most: the age of what volumes are made from; None: nothing."""
    drill = proven(state)
    return now - drill.taken if found.snapshots and drill else None


def accept(name: str, age: timedelta | None, hours: float) -> None:
    """Do nothing when nothing is lost, or no more than is accepted. Raise Refused otherwise."""
    if age is None or age <= timedelta(hours=hours):
        return
    raise Refused(
        f"{name}: the newest proven snapshot is {_hours(age)} old: what was written since is lost",
        f"To accept that, say accept-loss={math.ceil(age / timedelta(hours=1))}.",
    )


def note(found: ReplacementState, age: timedelta | None) -> tuple[str, ...]:
    """Return what the plan's reader is told of what will be lost."""
    if age is None:
        return ()
    listed = ", ".join(f"{name} from {one}" for name, one in sorted(found.snapshots.items()))
    return (f"note: {listed}, {_hours(age)} old: what was written since is lost",)


def _hours(age: timedelta) -> str:
    return f"{age / timedelta(hours=1):.1f} h"


def _open(sight: Sight) -> Iterator[Step]:
    if sight.opened:
        return
    found = sight.replacement
    words = f"begin to replace {found.old.id}, generation {found.old.generation} of {sight.host}"
    arguments = {**sight.told, "replacement": found.model_dump(mode="json")}
    yield Step("replacement.open", sight.host, words, arguments, "replace")


def _stop(sight: Sight) -> Iterator[Step]:
    old = sight.old
    if old is None or not old.alive or old.state == "stopped":
        return
    words = f"stop {old.id} and see it stopped: from here on {sight.host} does not answer"
    told = {**sight.told, "id": old.id, "type": old.type}
    yield Step("instance.stop", sight.host, words, told, "replace")


def _detach(sight: Sight) -> Iterator[Step]:
    for name in sorted(sight.slot.desired.volumes):
        volume = sight.volumes.get(name)
        moves = volume is not None and name not in sight.replacement.snapshots
        if moves and volume and volume.instance == sight.replacement.old.id:
            yield _from(sight, name, volume.id, volume.instance)


def _from(sight: Sight, name: str, volume: str, instance: str) -> Step:
    words = f"detach {name} ({volume}) from {instance}, which is stopped"
    told = {**sight.told, "id": volume, "instance": instance}
    return _step("volume.detach", f"{sight.slot.desired.slot}/{name}", words, told)


def _switch(sight: Sight) -> Iterator[Step]:
    words = "see that the successor lacks nothing and that its services run"
    yield _step("services.check", sight.host, words, sight.told)
    words = f"switch {sight.host} to the successor: its host key, its place in the inventory"
    yield Step("successor.switch", sight.host, words, dict(sight.told), "switch")


def _after(sight: Sight) -> Iterator[Step]:
    slot = sight.slot.desired.slot
    instance = sight.declared.target.instances[slot] if sight.declared.target else None
    elastic = instance is not None and instance.elastic_ip
    successor = sight.replacement.successor
    if elastic and (successor is None or sight.address != successor.id):
        words = f"give the slot's Elastic IP address to the successor of {sight.host}"
        told = {**sight.told, "new": False}
        yield Step("address.give", slot, words, told, "switch")
    names = [one.name for one in sight.declared.names if one.cloud == slot]
    if names and not elastic:
        words = f"point {', '.join(names)} to the successor"
        yield Step("names.switch", sight.host, words, dict(sight.told), "switch")
    if sight.declared.probes and not elastic:
        words = f"let the monitoring of {sight.name} ask the successor"
        yield Step("monitoring.switch", sight.host, words, dict(sight.told), "switch")
    if sight.declared.backup:
        words = f"let the schedule of {sight.name} know the successor"
        yield Step("schedules.switch", sight.host, words, dict(sight.told), "switch")
    words = f"end the replacement; {sight.replacement.old.id} is kept, stopped"
    yield _step("replacement.close", sight.host, words, sight.told)


def _step(kind: str, subject: str, words: str, told: Mapping[str, object]) -> Step:
    return Step(kind, subject, words, dict(told), "change")
