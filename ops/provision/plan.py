"""The plan of one component: for each slot what AWS is to have, then what the host is to hold.

What a host will need that can't be asked yet is foreseen, so that a plan shows all of it; when
its turn comes, steps that turn out to be done already are passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.plan import Plan, Step
from ops.provision import interior, machine
from ops.provision.desired import Desired
from ops.provision.machine import Machine
from ops.provision.observed import Account, Host, Known


@dataclass(frozen=True)
class Slot:
    """Everything known of one slot; `host` is None while its host can't be asked."""

    desired: Desired
    account: Account
    known: Known
    host: Host | None = None

    def machine(self) -> Machine:
        """Return what is decided for AWS. Raise Refused where a person must look."""
        return machine.plan(self.desired, self.account, self.known)


def plan(name: str, slots: Sequence[Slot]) -> Plan:
    """Return the plan that makes the component's slots as declared; nothing to do is empty."""
    decided = [(slot, slot.machine()) for slot in slots]
    outside = [step for _, found in decided for step in found.steps]
    inside = [step for slot, found in decided for step in within(slot, found)]
    steps = (*outside, *inside)
    return Plan(
        "provision",
        name,
        steps or tuple(step for slot, _ in decided for step in _ready(slot)),
        {"instances": {slot.desired.slot: _id(found) for slot, found in decided}},
        tuple(note for _, found in decided for note in found.notes),
    )


def within(slot: Slot, decided: Machine) -> tuple[Step, ...]:
    """Return the steps for the inside of the slot's host.

    A host that was ready and is stopped is looked at when it runs again: nothing is foreseen.
    """
    recorded = slot.known.recorded
    if slot.host is None and decided.instance and recorded and recorded.ready:
        return ()
    return tuple(interior.plan(slot.desired, slot.host, decided.disks))


def _id(decided: Machine) -> str:
    return decided.instance.id if decided.instance else ""


def _ready(slot: Slot) -> list[Step]:
    """Return the step that records the end of a run that did all and died before it said so."""
    recorded = slot.known.recorded
    if recorded is None or recorded.ready:
        return []
    words = f"record that {slot.desired.host} is ready"
    arguments = {"slot": slot.desired.slot, "seen": {}, "volumes": {}, "gone": []}
    return [Step("state.record", slot.desired.slot, words, arguments, "change")]
