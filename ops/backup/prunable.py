"""Decide which snapshots of a component go: what the rules let go and nothing protects. Pure.

Rules decide on whole sets (one run's snapshots of one instance), a slot at a time, so that
what is kept shows one moment. Never deleted, whatever the rules say: what the suite did not
make and tag, a set that is not complete yet, the newest proven set, what an image is made
of, and the last complete snapshot of any volume, also of one that is gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from ops.backup.retention import Taken, decide
from ops.cloud import tags
from ops.cloud.snapshots import Snapshot
from ops.inventory.schema import Keep
from ops.plan import Plan, Step


@dataclass(frozen=True)
class Found:
    """What there is in one region: our snapshots, and the images made of some of them."""

    region: str
    snapshots: Sequence[Snapshot]
    images: Mapping[str, str]
    """Image by snapshot."""


@dataclass(frozen=True)
class Set:
    """One run's snapshots of one instance."""

    id: str
    slot: str
    at: datetime
    snapshots: tuple[Snapshot, ...]

    def has(self, *states: str) -> bool:
        """Return whether a snapshot of it is in one of these states."""
        return any(one.state in states for one in self.snapshots)


def plan_prune(
    name: str, keep: Keep, zone: tzinfo, found: Iterable[Found], proven: frozenset[str]
) -> Plan:
    """Return the plan that deletes what no rule keeps, the oldest first, one step a snapshot.

    `proven` are the snapshots of the newest proven backup. The notes say why each set stays.
    No rule at all: nothing goes.
    """
    steps: list[Step] = []
    notes: list[str] = []
    for region in found:
        for one in _regional(region, keep, zone, proven):
            if one.reasons:
                notes.append(_kept(region.region, one))
            else:
                steps.append(_step(name, region.region, one))
    policy = keep.model_dump(exclude_defaults=True)
    return Plan("backup.prune", name, tuple(steps), {"keep": policy}, tuple(notes))


class _Fate(NamedTuple):
    """A snapshot with its set and every reason that keeps it; without one it goes."""

    of: Set
    snapshot: Snapshot
    reasons: tuple[str, ...]
    because: str = "no rule keeps it"


def _regional(region: Found, keep: Keep, zone: tzinfo, proven: frozenset[str]) -> list[_Fate]:
    sets = _sets(region.snapshots)
    newest = _newest_of_volumes(sets)
    shown = {one.id for one in sets if proven and _is_of(one, proven)}
    fates = [
        _protected(fate, region, newest, shown)
        for slot in sorted({one.slot for one in sets})
        for fate in _ruled([one for one in sets if one.slot == slot], keep, zone)
    ]
    return sorted(fates, key=lambda fate: (fate.of.at, fate.snapshot.id))


def _sets(snapshots: Iterable[Snapshot]) -> list[Set]:
    """Return the sets of what has our tags, all of them, and a moment."""
    found: dict[tuple[str, str], list[Snapshot]] = defaultdict(list)
    for one in snapshots:
        told = one.tags
        if tags.COMPONENT in told and tags.INSTANCE in told and tags.SET in told and one.started:
            found[told[tags.SET], told[tags.INSTANCE]].append(one)
    return [
        Set(
            f"{run} {instance}",
            members[0].tags.get(tags.SLOT, ""),
            min(map(_moment, members)),
            tuple(members),
        )
        for (run, instance), members in found.items()
    ]


def _moment(snapshot: Snapshot) -> datetime:
    """Return when the snapshot's content was: of a copy, the moment of what it was copied from."""
    if told := snapshot.tags.get(tags.TAKEN):
        return datetime.fromisoformat(told)
    return snapshot.started or datetime.max.replace(tzinfo=UTC)


def _volume(snapshot: Snapshot) -> str:
    """Return the volume that it was taken of; EC2 gives copies a volume that never was."""
    return snapshot.tags.get(tags.TAKEN_OF, snapshot.volume)


def _newest_of_volumes(sets: Iterable[Set]) -> dict[str, str]:
    """Return the id of the newest complete snapshot by volume."""
    newest: dict[str, tuple[datetime, str, str]] = {}
    for group, one in ((each, member) for each in sets for member in each.snapshots):
        if one.state == "completed":  # of one moment, the set that the rules call the newest
            entry = (_moment(one), group.id, one.id)
            newest[_volume(one)] = max(newest.get(_volume(one), entry), entry)
    return {volume: name for volume, (_, _, name) in newest.items()}


def _ruled(sets: Sequence[Set], keep: Keep, zone: tzinfo) -> Iterator[_Fate]:
    """Yield each snapshot of one slot with what the rules say of its set."""
    whole = {one.id: one for one in sets if not one.has("error") and not _under_way(one)}
    decided = decide([Taken(one.id, one.at) for one in whole.values()], keep, zone)
    for decision in decided:
        one = whole[decision.taken.id]
        yield from (_Fate(one, member, decision.reasons) for member in one.snapshots)
    ruled = bool(keep.model_dump(exclude_defaults=True))
    for one in (one for one in sets if one.id not in whole):
        later = any(other.at > one.at for other in whole.values())
        yield from (_unruled(one, member, later=later, ruled=ruled) for member in one.snapshots)


def _under_way(one: Set) -> bool:
    return any(member.state not in ("completed", "error") for member in one.snapshots)


def _unruled(one: Set, member: Snapshot, *, later: bool, ruled: bool) -> _Fate:
    """Return what becomes of a snapshot whose set is not whole: the rules do not count it."""
    if not ruled:
        return _Fate(one, member, ("no rule is declared: nothing goes",))
    if member.state == "error":
        return _Fate(one, member, (), "it ended in an error and holds nothing")
    if _under_way(one) or not later:
        return _Fate(one, member, ("no later set is complete",))
    return _Fate(one, member, (), "its set is broken, a later one is whole")


def _is_of(one: Set, proven: frozenset[str]) -> bool:
    return any({it.id, it.tags.get(tags.COPY_OF)} & proven for it in one.snapshots)


def _protected(fate: _Fate, region: Found, newest: Mapping[str, str], proven: set[str]) -> _Fate:
    """Return the fate with what keeps the snapshot beside the rules."""
    snapshot, more = fate.snapshot, []
    if fate.of.id in proven:
        more.append("the newest proven")
    if image := region.images.get(snapshot.id):
        more.append(f"in use by {image}")
    if not more and not fate.reasons and newest.get(_volume(snapshot)) == snapshot.id:
        more.append(f"the last one of {_volume(snapshot)}")
    return fate._replace(reasons=(*fate.reasons, *more)) if more else fate


def _words(region: str, fate: _Fate) -> str:
    told = fate.snapshot.tags
    place = f"{told.get(tags.SLOT, '?')} {told.get(tags.VOLUME, '?')}"
    when = fate.of.at.astimezone(UTC).isoformat(" ", "seconds")[:19]
    return f"{fate.snapshot.id} in {region}, {place} of {when}Z"


def _kept(region: str, fate: _Fate) -> str:
    return f"keeps {_words(region, fate)}: {', '.join(fate.reasons)}"


def _step(name: str, region: str, fate: _Fate) -> Step:
    words = f"delete {_words(region, fate)}: {fate.because}"
    arguments = {"component": name, "region": region}
    return Step("snapshot.delete", fate.snapshot.id, words, arguments, "delete")
