"""The fleet at a glance, from the inventory's records; nothing in here asks the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from ops.inventory.schema import Component, State
from ops.inventory.schema.words import seconds

Health = Literal["good", "open", "bad"]
"""good: as it should be; open: not done yet; bad: needs somebody."""

COLUMNS = ("component", "phase", "instances", "transfer", "verification", "snapshot")

_MARKS: Mapping[Health, str] = {"good": "", "open": "", "bad": "! "}


@dataclass(frozen=True)
class Fact:
    """One cell of the overview: what is so, and whether that is as it should be."""

    words: str
    health: Health


@dataclass(frozen=True)
class Line:
    """One component of the overview."""

    component: str
    owner: str
    phase: str
    instance: Fact
    transfer: Fact
    verification: Fact
    snapshot: Fact

    def cells(self) -> tuple[str, ...]:
        """Return the cells of a table's row, in the order of COLUMNS."""
        facts = (self.instance, self.transfer, self.verification, self.snapshot)
        marked = (f"{_MARKS[fact.health]}{fact.words}" for fact in facts)
        return (self.component, self.phase, *marked)

    def data(self) -> dict[str, object]:
        """Return the line as JSON data."""
        return asdict(self)


def overview(
    components: Mapping[str, Component], states: Mapping[str, State], now: datetime
) -> list[Line]:
    """Return a line a component, by name. `now` is the moment that ages are counted to."""
    return [_line(name, components[name], states[name], now) for name in sorted(components)]


def worst(lines: Sequence[Line]) -> Health:
    """Return the worst health of all cells; "good" when there is none."""
    seen = {
        fact.health
        for line in lines
        for fact in (line.instance, line.transfer, line.verification, line.snapshot)
    }
    return "bad" if "bad" in seen else "open" if "open" in seen else "good"


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago `then` was, in one rounded-down unit: `ago(...) == "3 h ago"`.

    Anything below a second, and a moment that lies ahead (clocks differ), is "just now".
    """
    count = int((now - then).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if count >= size:
            return f"{count // size} {unit} ago"
    return "just now"


def _line(name: str, declared: Component, state: State, now: datetime) -> Line:
    return Line(
        component=name,
        owner=declared.owner,
        phase=state.phase,
        instance=_instance(declared, state),
        transfer=_transfer(declared, state, now),
        verification=_verification(declared, state, now),
        snapshot=_snapshot(declared, state, now),
    )


def _instance(declared: Component, state: State) -> Fact:
    if declared.target is None:
        return Fact("none declared", "good")
    wanted, found = set(declared.target.instances), state.instances
    if missing := sorted(wanted - set(found)):
        return Fact(f"not provisioned: {', '.join(missing)}", "open")
    words = ", ".join(
        f"{made.id} {made.public_address or made.private_address}"
        for _, made in sorted(found.items())
    )
    if not all(made.ready for made in found.values()):
        return Fact(f"{words} (not finished)", "bad")
    return Fact(words, "good")


def _transfer(declared: Component, state: State, now: datetime) -> Fact:
    if not declared.data:
        return Fact("no data sets", "good")
    if not state.transfers:
        return Fact("never", "open")
    oldest = min(state.transfers.values(), key=lambda transfer: transfer.finished)
    when = ago(oldest.finished, now)
    if wrong := [name for name, one in state.transfers.items() if one.verdict != "done"]:
        return Fact(f"{', '.join(sorted(wrong))} {state.transfers[wrong[0]].verdict}", "bad")
    if missing := sorted(set(declared.data) - set(state.transfers)):
        return Fact(f"not yet: {', '.join(missing)}", "open")
    files = sum(one.files for one in state.transfers.values())
    return Fact(f"{files:,} files, {when}", "good")


def _verification(declared: Component, state: State, now: datetime) -> Fact:
    if not declared.data:
        return Fact("no data sets", "good")
    if not state.verifications:
        return Fact("never", "open")
    for name, one in sorted(state.verifications.items()):
        if one.verdict in ("different", "incomplete"):
            return Fact(f"{name} {one.verdict}, {ago(one.at, now)}", "bad")
        moved = state.transfers.get(name)
        if moved is not None and moved.finished > one.at:
            return Fact(f"{name} moved again since", "open")
    if missing := sorted(set(declared.data) - set(state.verifications)):
        return Fact(f"not yet: {', '.join(missing)}", "open")
    oldest = min(state.verifications.values(), key=lambda one: one.at)
    return Fact(f"{oldest.verdict.replace('-', ' ')}, {ago(oldest.at, now)}", "good")


def _snapshot(declared: Component, state: State, now: datetime) -> Fact:
    if state.snapshot is None:
        return Fact("never", "open") if declared.backup else Fact("no policy", "good")
    when = ago(state.snapshot.at, now)
    words = f"{state.snapshot.level}, {when}"
    if declared.backup is None:
        return Fact(words, "good")
    objective = timedelta(seconds=seconds(declared.backup.objective))
    if now - state.snapshot.at > objective:
        return Fact(f"{words}: older than {declared.backup.objective}", "bad")
    return Fact(words, "good")
