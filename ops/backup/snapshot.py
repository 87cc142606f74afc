"""Take a component's snapshots as its plan says, and record what was taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from ops import run
from ops.backup.taking import Set, Taking
from ops.cloud import copies, snapshots, tags
from ops.cloud.calls import Wait
from ops.inventory.schema import LEVELS, SnapshotState, State
from ops.plan import Plan, Step

if TYPE_CHECKING:
    from ops.cloud.session import Cloud
    from ops.inventory.repository import Repository


def take(
    repo: Repository,
    component: str,
    plan: Plan,
    *,
    tell: Callable[[Step], None] | None = None,
    patience: Wait | None = None,
) -> SnapshotState:
    """Carry out a snapshot plan; return the set that was taken, once it is complete.

    File systems thaw as soon as AWS has answered: the moment is fixed then, completion
    takes as long as it takes. Killed before its end, the set that was made is in the
    record of the interrupted run; the next run takes a new one.
    """
    with run.begin(repo, "backup.snapshot", component, {"level": plan.facts["level"]}) as r:
        taking = _Taking(repo, component, r, run.cloud(repo), patience)
        performers = {"snapshots.create": taking.create, "snapshots.copy": taking.copy}
        r.carry_out(plan, performers, fold=taking.fold, tell=tell)
        r.figure("snapshots", taking.count)
        r.figure("gib", taking.gib)
        r.figure("seconds_frozen", round(taking.seconds_frozen, 3))
        r.figure("manifest", taking.listed)
    return cast(SnapshotState, r.state.snapshot)  # a snapshot plan has steps, each leaves a set


class _Taking:
    """The performers of one run, and what they add up."""

    def __init__(
        self,
        repo: Repository,
        component: str,
        r: run.Run,
        cloud: Cloud,
        patience: Wait | None,
    ) -> None:
        self.repo, self.component, self.run, self.cloud = repo, component, r, cloud
        self.patience = patience
        self.listed = {"files": 0, "bytes": 0, "moving": 0}
        self.count = self.gib = 0
        self.seconds_frozen = 0.0

    def create(self, step: Step) -> run.Facts:
        """Take one instance's set; return its ids by volume and the level that was reached."""
        arguments: Any = step.arguments
        with Taking(self.run, self.component, self.cloud, arguments) as taking:
            try:
                level, made = taking.take()
            finally:
                self.seconds_frozen += taking.seconds_frozen
            facts = {"ids": _ids(arguments, made), "level": level, "started": _started(made)}
            self.run.remember(**facts)
            if witness := taking.listed():
                for name, count in self.listed.items():
                    self.listed[name] = count + int(getattr(witness, name))
        snapshots.wait(self.cloud, taking.request(level).found_by, len(made), self.patience)
        self.count += len(made)
        self.gib += sum(one.size_gib for one in made)
        return {**facts, "because": taking.because, "unlisted": taking.unlisted}

    def copy(self, step: Step) -> run.Facts:
        """Copy the run's snapshots to another region; return the copies' ids by volume."""
        there = run.cloud(self.repo, region=step.subject)
        sources = snapshots.find(self.cloud, {tags.SET: self.run.id})
        for one in sources:
            copies.copy(there, one, self.cloud.region)
        made = copies.wait(there, [one.id for one in sources], self.patience)
        taken = self.run.state.snapshot
        return {"copies": {name: made[one] for name, one in (taken.ids if taken else {}).items()}}

    def fold(self, state: State, step: Step, facts: run.Facts) -> State:
        """Return the state with this instance's snapshots added to the run's set."""
        if state.snapshot and "copies" in facts:
            with_copies = state.snapshot.model_copy(update={"copies": facts["copies"]})
            return state.model_copy(update={"snapshot": with_copies})
        told = {name: facts[name] for name in ("level", "because", "ids", "unlisted")}
        taken = SnapshotState.model_validate({"run": self.run.id, "at": facts["started"], **told})
        if state.snapshot and state.snapshot.run == self.run.id:
            taken = together(state.snapshot, taken)
        slots = {name.rpartition(".")[0] for name in taken.ids}
        arguments: Any = step.arguments
        taken = taken.model_copy(update={"complete": len(slots) >= arguments["slots"]})
        return state.model_copy(update={"snapshot": taken})


def together(one: SnapshotState, other: SnapshotState) -> SnapshotState:
    """Return the sets of two instances as one: as old as the first, as good as the lowest."""
    merged = {
        "at": min(one.at, other.at),
        "level": min(one.level, other.level, key=LEVELS.index),
        "because": one.because or other.because,
        "unlisted": one.unlisted or other.unlisted,
        "ids": {**one.ids, **other.ids},
    }
    return one.model_copy(update=merged)


def _ids(arguments: Any, made: Set) -> dict[str, str]:
    names = {volume: name for name, volume in arguments["volumes"].items()}
    prefix = "" if arguments["slot"] == "main" else f"{arguments['slot']}."
    return {prefix + names.get(one.volume, one.volume): one.id for one in made}


def _started(made: Set) -> str:
    """Return when AWS began a set."""
    return min(one.started or run.now() for one in made).isoformat()
