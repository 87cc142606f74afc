"""Take a component's snapshots as its plan says, and record what was taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from ops import run
from ops.backup.freeze import FreezeFailed, ThawedTooEarly, frozen
from ops.backup.hooks import HookFailed, hooked
from ops.backup.witness import Witness
from ops.cloud import copies, snapshots, tags
from ops.cloud.calls import Wait
from ops.errors import OpsError
from ops.inventory.schema import SnapshotState, State
from ops.plan import Plan, Step
from ops.remote.errors import Unreachable

if TYPE_CHECKING:
    from ops.cloud.session import Cloud
    from ops.inventory.repository import Repository
    from ops.remote.host import Host


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
    """The performer of one run, and what it adds up."""

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
        self.certain = False
        """Whether the instance's set was taken while all was frozen, as the thaw has shown."""
        self.unlisted = ""
        self.listed = {"files": 0, "bytes": 0, "moving": 0}
        self.count = self.gib = 0
        self.seconds_frozen = 0.0

    def create(self, step: Step) -> run.Facts:
        """Take one instance's set; return its ids by volume and the level that was reached."""
        arguments: Any = step.arguments
        self.certain = False
        level, made = self._best(arguments)
        names = {volume: name for name, volume in arguments["volumes"].items()}
        prefix = "" if arguments["slot"] == "main" else f"{arguments['slot']}."
        ids = {prefix + names.get(one.volume, one.volume): one.id for one in made}
        self.run.remember(ids=ids, level=level)
        wanted = self._request(arguments, level).found_by
        snapshots.wait(self.cloud, wanted, len(made), self.patience)
        self.count += len(made)
        self.gib += sum(one.size_gib for one in made)
        return {"ids": ids, "level": level}

    def copy(self, step: Step) -> run.Facts:
        """Copy the run's snapshots to another region; return the copies' ids by volume."""
        there = run.cloud(self.repo, region=step.subject)
        sources = snapshots.find(self.cloud, {tags.SET: self.run.id})
        for one in sources:
            copies.copy(there, one, self.cloud.region)
        made = copies.wait(there, [one.id for one in sources], self.patience)
        taken = self.run.state.snapshot
        return {"copies": {name: made[one] for name, one in (taken.ids if taken else {}).items()}}

    def _best(self, arguments: Any) -> tuple[str, tuple[snapshots.Snapshot, ...]]:
        """Return the set at the declared level, else at the one the policy falls back to."""
        level, lower = arguments["level"], arguments["fall_back_to"]
        try:
            return level, self._at_level(arguments, level)
        except ThawedTooEarly:
            # the set is there, and says of itself what it is
            if lower != "crash":
                raise
            return "crash", self._at_level(arguments, "crash")
        except (FreezeFailed, HookFailed, Unreachable) as error:
            if lower is None or lower == level:
                raise
            self.run.remember(fell_back_to=lower, because=error.message)
            return lower, self._at_level(arguments, lower)

    def _at_level(self, arguments: Any, level: str) -> tuple[snapshots.Snapshot, ...]:
        """Return the set; only the one call that fixes its moment is made while frozen.

        Its tag claims the level only once that is certain: who is killed or cut off before
        leaves a set that says "crash".
        """
        prepared = snapshots.prepare(self.cloud, self._request(arguments, "crash"))
        if prepared.found and level != "crash" and not self.certain:
            raise OpsError(
                f"{self.component}: the set was taken, but maybe not while all was frozen",
                "It counts as crash consistent. Run the task again.",
            )
        if level == "crash":
            taken = self._as_it_is(arguments, prepared)
        else:
            taken = self._consistent(arguments, level, prepared)
        return snapshots.label(self.cloud, self._request(arguments, level), taken)

    def _as_it_is(
        self, arguments: Any, prepared: snapshots.Prepared
    ) -> tuple[snapshots.Snapshot, ...]:
        """Return the set, taken whether the host answers or not; listed only where it does."""
        try:
            host = run.host(self.repo, self.component, "cloud", arguments["slot"])
        except OpsError as error:
            self.unlisted = error.message
            return snapshots.take(self.cloud, prepared)
        with host:
            witness = self._witness(arguments, host)
            witness.before()
            witness.sync()
            taken = snapshots.take(self.cloud, prepared)
            self._add(witness)
        return taken

    def _witness(self, arguments: Any, host: Host) -> Witness:
        instance = self.run.state.instances[arguments["slot"]]
        return Witness(self.run, host, arguments["slot"], instance, arguments["places"])

    def _add(self, witness: Witness) -> None:
        witness.after()
        self.unlisted = self.unlisted or witness.unseen
        for name, count in self.listed.items():
            self.listed[name] = count + int(getattr(witness, name))

    def _consistent(
        self, arguments: Any, level: str, prepared: snapshots.Prepared
    ) -> tuple[snapshots.Snapshot, ...]:
        with_hooks = level == arguments["level"]
        before, after = (arguments[name] if with_hooks else () for name in ("before", "after"))
        with run.host(self.repo, self.component, "cloud", arguments["slot"]) as host:
            witness = self._witness(arguments, host)
            witness.before()
            with hooked(host, before, after, self.repo.template):
                with self._clocked(), frozen(host, self.run.id, arguments["mounts"]):
                    witness.mark()
                    taken = snapshots.take(self.cloud, prepared)
                self.certain = True
            self._add(witness)
        return taken

    def _request(self, arguments: Any, level: str) -> snapshots.Request:
        own = {
            tags.COMPONENT: self.component,
            tags.RUN: self.run.id,
            tags.LEVEL: level,
            tags.SET_SLOTS: str(arguments["slots"]),
        }
        return snapshots.Request(arguments["instance"], self.run.id, own, self.component)

    @contextmanager
    def _clocked(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds_frozen += time.monotonic() - started

    def fold(self, state: State, step: Step, facts: run.Facts) -> State:
        """Return the state with this instance's snapshots added to the run's set."""
        if state.snapshot and "copies" in facts:
            with_copies = state.snapshot.model_copy(update={"copies": facts["copies"]})
            return state.model_copy(update={"snapshot": with_copies})
        before = state.snapshot.ids if state.snapshot and state.snapshot.run == self.run.id else {}
        told: Any = step.arguments
        made: Any = facts["ids"]
        slots = {name.rpartition(".")[0] for name in (*before, *made)}
        taken = SnapshotState.model_validate(
            {
                "run": self.run.id,
                "at": run.now(),
                "level": facts["level"],
                "ids": {**before, **made},
                "unlisted": self.unlisted,
                "complete": len(slots) >= told["slots"],
            }
        )
        return state.model_copy(update={"snapshot": taken})
