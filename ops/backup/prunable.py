"""Decide which snapshots of a component go: what the rules let go and nothing protects. Pure.

Rules decide on whole sets (one run's snapshots of one instance), a slot at a time, so that
what is kept shows one moment. Never deleted, whatever the rules say: what the suite did not
make and tag, a set that is not complete yet, the newest proven set, the newest run of which all
is there, what an image is made of, and the last complete snapshot of any volume, also of one
that is gone. What is left of a set that has lost some of its snapshots is no set to the rules.
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

    run: str
    instance: str
    slot: str
    at: datetime
    snapshots: tuple[Snapshot, ...]

    @property
    def id(self) -> str:
        """Return what tells it from all other sets."""
        return f"{self.run} {self.instance}"

    @property
    def whole(self) -> bool:
        """Return whether every snapshot that was taken is there, and complete."""
        size = max(tags.number(one.tags, tags.SET_SIZE) for one in self.snapshots)
        done = all(one.state == "completed" for one in self.snapshots)
        return done and len(self.snapshots) >= size


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
    run = _newest_run(sets)
    fates = [
        _protected(fate, region, newest, shown, run)
        for slot in sorted({one.slot for one in sets})
        for fate in _ruled([one for one in sets if one.slot == slot], keep, zone)
    ]
    return sorted(_together(fates), key=lambda fate: (fate.of.at, fate.snapshot.id))


def _sets(snapshots: Iterable[Snapshot]) -> list[Set]:
    """Return the sets of what has our tags, all of them, and a moment."""
    found: dict[tuple[str, str], list[Snapshot]] = defaultdict(list)
    for one in snapshots:
        told = one.tags
        if tags.COMPONENT in told and tags.INSTANCE in told and tags.SET in told and one.started:
            found[told[tags.SET], told[tags.INSTANCE]].append(one)
    return [
        Set(
            run,
            instance,
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


def _newest_run(sets: Iterable[Set]) -> str:
    """Return the newest run of which the sets of all instances are there and whole; else ""."""
    runs: dict[str, list[Set]] = defaultdict(list)
    for one in sets:
        runs[one.run].append(one)
    whole = {
        run: max(one.at for one in found)
        for run, found in runs.items()
        if all(one.whole for one in found) and len(found) >= _slots(found)
    }
    return max(whole, key=lambda run: (whole[run], run), default="")


def _slots(found: Iterable[Set]) -> int:
    return max(tags.number(it.tags, tags.SET_SLOTS) for one in found for it in one.snapshots)


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
    whole = {one.id: one for one in sets if one.whole}
    decided = decide([Taken(one.id, one.at) for one in whole.values()], keep, zone)
    for decision in decided:
        one = whole[decision.taken.id]
        yield from (_Fate(one, member, decision.reasons) for member in one.snapshots)
    newest = max((one.at for one in whole.values()), default=None)
    ruled = bool(keep.model_dump(exclude_defaults=True))
    for one in (one for one in sets if one.id not in whole):
        later = newest is not None and newest > one.at
        yield from (_unruled(one, member, later=later, ruled=ruled) for member in one.snapshots)


def _under_way(one: Set) -> bool:
    return any(member.state not in ("completed", "error") for member in one.snapshots)


def _unruled(one: Set, member: Snapshot, *, later: bool, ruled: bool) -> _Fate:
    """Return what becomes of a snapshot whose set is not whole: the rules do not count it."""
    if not ruled:
        return _Fate(one, member, ("no rule is declared: nothing goes",))
    if _under_way(one) or not later:
        return _Fate(one, member, ("no later set is complete",))
    return _Fate(one, member, (), "its set is broken, a later one is whole")


def _together(fates: Sequence[_Fate]) -> Iterator[_Fate]:
    """Yield the fates; what ended in an error stays with its set, as it shows that one broken."""
    staying = {fate.of.id for fate in fates if fate.reasons}
    for fate in fates:
        failed = fate.snapshot.state == "error" and not fate.reasons
        stays = failed and fate.of.id in staying
        yield fate._replace(reasons=("its set stays",)) if stays else fate


def _is_of(one: Set, proven: frozenset[str]) -> bool:
    return any({it.id, it.tags.get(tags.COPY_OF)} & proven for it in one.snapshots)


def _protected(
    fate: _Fate, region: Found, newest: Mapping[str, str], proven: set[str], run: str
) -> _Fate:
    """Return the fate with what keeps the snapshot beside the rules."""
    snapshot, more = fate.snapshot, []
    if fate.of.id in proven:
        more.append("the newest proven")
    if fate.of.run == run and not fate.reasons:
        more.append("of the newest run that is whole")
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
