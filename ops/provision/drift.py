"""Drift: where the inventory, AWS and the hosts disagree, and what to do about each case. Pure.

Compared are three: what people declare (components/NAME.yaml), what runs observed
(state/NAME.yaml, known_hosts), and what AWS and the hosts tell now. Nothing is put right here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from ops.cloud import tags
from ops.cloud.addresses import Address
from ops.cloud.groups import Group
from ops.cloud.instances import Instance
from ops.cloud.status import Health
from ops.cloud.volumes import Volume
from ops.provision.desired import Desired
from ops.provision.plan import Slot

COLUMNS = ("component", "what", "declared", "found")


@dataclass(frozen=True)
class Finding:
    """One disagreement. `declared` is the inventory's side, `found` the world's.

    `kind` is one of: unknown, missing, changed, opened, closed, unattached, stopped, impaired,
    event, unrecorded, host key, package, account, file, service, mount, volume, host.
    """

    component: str
    kind: str
    subject: str
    declared: str
    found: str
    todo: str

    def cells(self) -> tuple[str, ...]:
        """Return the cells of a table's row, in the order of COLUMNS."""
        return (self.component, f"{self.kind}: {self.subject}", self.declared, self.found)

    def data(self) -> dict[str, object]:
        """Return the finding as JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Gap:
    """A part that could not be looked at, and why: what is there is not known."""

    component: str
    subject: str
    why: str


@dataclass(frozen=True)
class Sight:
    """One declared slot as AWS and its host show it, seen at about one moment.

    `refused` is why the host that answers was not believed; nothing was sent to it.
    """

    slot: Slot
    root: Volume | None = None
    health: Health | None = None
    refused: str = ""


@dataclass(frozen=True)
class Report:
    """All that was found. `notes` are lines on what is no drift and still worth knowing."""

    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()

    def todo(self) -> dict[str, list[Finding]]:
        """Return the findings by what to do about them, in the order of the findings."""
        found: dict[str, list[Finding]] = {}
        for one in self.findings:
            found.setdefault(one.todo, []).append(one)
        return found

    def data(self) -> dict[str, object]:
        """Return the report as JSON data."""
        return {
            "drift": [one.data() for one in self.findings],
            "unasked": [asdict(one) for one in self.gaps],
            "notes": list(self.notes),
        }


def finding(
    desired: Desired, kind: str, subject: str, declared: object, found: object, *, todo: str
) -> Finding:
    """Return a finding about one slot; the slot is named where it is not the main one."""
    where = f"{desired.slot}: {subject}" if desired.slot != "main" else subject
    return Finding(desired.component, kind, where, str(declared), str(found), todo)


def provision(desired: Desired, does: str) -> str:
    """Return the advice to let `provision` put it right: it `does` so."""
    return f"`fab provision app={desired.component}` {does}; look with plan=true first."


@dataclass(frozen=True)
class Ours:
    """Everything in AWS that has our tags, whether or not the inventory knows of it."""

    instances: Sequence[Instance] = ()
    volumes: Sequence[Volume] = ()
    groups: Sequence[Group] = ()
    addresses: Sequence[Address] = ()


Slots = Mapping[str, Iterable[str]]
"""The declared slots by component."""


@dataclass(frozen=True)
class _Thing:
    component: str
    slot: str
    what: str
    found: str
    todo: str


def strangers(ours: Ours, declared: Slots) -> Iterator[Finding]:
    """Yield what has our tags and belongs to no declared slot."""
    known = {(name, slot) for name, slots in declared.items() for slot in slots}
    for thing in _things(ours):
        if (thing.component, thing.slot) in known:
            continue
        where = f"slot {thing.slot or '(none)'}" if thing.component in declared else "component"
        yield Finding(
            thing.component,
            "unknown",
            thing.what,
            f"no such {where}",
            thing.found,
            thing.todo,
        )


_TODO = "{} Declare it, or take our tags (ops:...) from it in the AWS console."


def _things(ours: Ours) -> Iterator[_Thing]:
    alive = {one.id for one in ours.instances if one.alive}
    for one in ours.instances:
        if one.alive:
            told = f"{one.state}, {one.type} in {one.zone}"
            todo = _TODO.format("It costs money and nobody looks after it.")
            yield _thing(one.tags, f"instance {one.id}", told, todo)
    for volume in ours.volumes:
        if volume.instance not in alive:
            told = f"{volume.state}, {volume.size_gib} GiB in {volume.zone}"
            todo = _TODO.format("It may hold data: look before anything is deleted.")
            yield _thing(volume.tags, f"volume {volume.id}", told, todo)
    for group in ours.groups:
        todo = _TODO.format("An unused group costs nothing.")
        yield _thing(group.tags, f"group {group.name} ({group.id})", "there", todo)
    for address in ours.addresses:
        told = f"given to {address.instance}" if address.instance else "given to none"
        todo = _TODO.format("An address that is given to none costs money: release it.")
        yield _thing(address.tags, f"address {address.address}", told, todo)


def _thing(own: Mapping[str, str], what: str, found: str, todo: str) -> _Thing:
    return _Thing(own.get(tags.COMPONENT, ""), own.get(tags.SLOT, ""), what, found, todo)
