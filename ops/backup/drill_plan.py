"""Decide which backups a drill proves. Pure: `now` and what there is are arguments."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ops.errors import OpsError, UsageError
from ops.inventory.schema import DrilledPart, Hook, Site, State
from ops.plan import Step


@dataclass(frozen=True)
class Held:
    """A snapshot as far as a restore is concerned: of whose volume, of which set, when."""

    id: str
    slot: str
    volume: str
    run: str
    taken: datetime
    size_gib: int
    complete: bool
    level: str = ""
    of: int = 1
    """How many snapshots the set had of this slot when it was taken."""
    slots: int = 1
    """How many slots the set had."""


def newest(held: Iterable[Held], name: str, at: datetime | None = None) -> list[Held]:
    """Return the newest set that is whole, every snapshot complete, taken at `at` or before.

    Ordered by slot and volume. Raise OpsError when there is none.
    """
    sets: dict[str, list[Held]] = defaultdict(list)
    for one in held:
        sets[one.run].append(one)
    whole = [
        found for found in sets.values() if _whole(found) and (at is None or taken(found) <= at)
    ]
    if not whole:
        when = f" of {at:%Y-%m-%d %H:%M} or before" if at else ""
        raise OpsError(
            f"{name} has no complete snapshots{when}", f"Take some: fab backup.snapshot app={name}"
        )
    best = max(whole, key=taken)
    return sorted(best, key=lambda one: (one.slot, one.volume))


def _whole(found: list[Held]) -> bool:
    """Return whether all that was taken is there: what prune or a person removed is missed."""
    count = Counter(one.slot for one in found)
    return all(one.complete and count[one.slot] >= one.of for one in found) and len(count) >= max(
        one.slots for one in found
    )


def scratch_of(site: Site, name: str, state: State | None) -> tuple[str, str]:
    """Return component and slot of the scratch host. Raise UsageError without a usable one."""
    scratch = site.scratch
    if scratch is None:
        raise UsageError(
            "no scratch host is declared, so no restore can be proven",
            "Declare `scratch: {component: NAME}` in site.yaml: an instance with nothing on it.",
        )
    if scratch.component == name:
        raise UsageError(f"{name} is the scratch host itself: it has nothing to prove")
    if state is None or scratch.slot not in state.instances:
        raise UsageError(
            f"the scratch host {scratch.component}/{scratch.slot} is not there yet",
            f"Make it: fab provision app={scratch.component}",
        )
    return scratch.component, scratch.slot


def steps(found: list[Held], checks: list[Hook], where: str) -> tuple[Step, ...]:
    """Return the steps that prove a set of snapshots: restore and compare each, ask all."""
    proving = [
        Step(
            "volume.prove",
            one.id,
            f"restore {one.volume} of {one.slot} ({one.id}, {one.size_gib} GiB) on {where},"
            " compare every file",
            {
                "snapshot": one.id,
                "slot": one.slot,
                "volume": one.volume,
                "run": one.run,
            },
        )
        for one in found
    ]
    asking = [asking_step(hook, "volumes.ask", "the restored volumes") for hook in checks]
    return (*proving, *asking)


def asking_step(hook: Hook, kind: str, what: str) -> Step:
    """Return the step that lets a check hook ask `what`."""
    words = " ".join([hook.script, *hook.arguments])
    return Step(
        kind,
        hook.script,
        f"ask {what}: {words}",
        {"script": hook.script, "arguments": list(hook.arguments)},
    )


def relocated(argument: str, places: Mapping[str, str]) -> str:
    """Return a hook's argument with the live folder it begins with changed to the restored one.

    Of several live folders the longest counts:
    `relocated("/srv/wiki/data", {"/srv/wiki": "/run/x"}) == "/run/x/data"`.
    """
    for live in sorted(filter(None, places), key=len, reverse=True):
        if argument == live or argument.startswith(f"{live.rstrip('/')}/"):
            return places[live] + argument[len(live.rstrip("/")) :]
    return argument


def askings(
    arguments: Sequence[str], places: Mapping[str, Mapping[str, str]]
) -> list[tuple[str, list[str]]]:
    """Return a check's arguments for each slot of whose data they speak, moved to what is restored.

    `places` are live and restored folders by slot. Where no argument is a place, one slot is asked.
    """
    moved = {
        slot: [relocated(word, found) for word in arguments]
        for slot, found in sorted(places.items())
    }
    speaking = [(slot, words) for slot, words in moved.items() if words != list(arguments)]
    return speaking or list(moved.items())[:1]


def verdict(name: str, differences: Sequence[str], parts: Iterable[DrilledPart], asked: int) -> str:
    """Return what a drill has shown. Raise OpsError when nothing was looked at at all."""
    if differences:
        return "different"
    hollow = any(one.moving for one in parts) and not any(one.files for one in parts)
    if hollow and not asked:
        raise OpsError(
            f"{name}: every file was in motion and no check was asked: that proves nothing",
            f"Name a script that asks the data in backup.check of components/{name}.yaml.",
        )
    return "proven"


def taken(found: Iterable[Held]) -> datetime:
    """Return when a set was taken."""
    return min(one.taken for one in found)
