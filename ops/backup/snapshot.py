"""Take a component's snapshots as its plan says, and record what was taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from ops import run
from ops.backup.freeze import ThawedTooEarly, frozen
from ops.cloud import snapshots, tags
from ops.cloud.calls import Wait
from ops.inventory.schema import SnapshotState, State
from ops.plan import Plan, Step

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
        r.carry_out(plan, {"snapshots.create": taking.create}, fold=taking.fold, tell=tell)
        r.figure("snapshots", taking.count)
        r.figure("gib", taking.gib)
        r.figure("seconds_frozen", round(taking.seconds_frozen, 3))
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
        self.count = self.gib = 0
        self.seconds_frozen = 0.0

    def create(self, step: Step) -> run.Facts:
        """Take one instance's set; return its ids by volume."""
        arguments: Any = step.arguments
        request = snapshots.Request(
            instance=arguments["instance"],
            run=self.run.id,
            tags={
                tags.COMPONENT: self.component,
                tags.RUN: self.run.id,
                tags.LEVEL: arguments["level"],
            },
            description=f"{self.component}: {arguments['level']} consistent",
        )
        made = self._create(request, arguments)
        names = {volume: name for name, volume in arguments["volumes"].items()}
        ids = {names.get(one.volume, one.volume): one.id for one in made}
        self.run.remember(ids=ids)
        snapshots.wait(self.cloud, request.found_by, len(made), self.patience)
        self.count += len(made)
        self.gib += sum(one.size_gib for one in made)
        return {"ids": ids, "level": arguments["level"]}

    def _create(self, request: snapshots.Request, arguments: Any) -> tuple[snapshots.Snapshot, ...]:
        """Return the set; only the one call that fixes its moment is made while frozen."""
        mounts = arguments["mounts"]
        prepared = snapshots.prepare(self.cloud, request)
        if not mounts:
            return snapshots.label(self.cloud, request, snapshots.take(self.cloud, prepared))
        with run.host(self.repo, self.component, "cloud", arguments["slot"]) as host:
            made = self._create_frozen(host, prepared, mounts)
        return snapshots.label(self.cloud, request, made)

    def _create_frozen(
        self, host: Host, prepared: snapshots.Prepared, mounts: Sequence[str]
    ) -> tuple[snapshots.Snapshot, ...]:
        made: tuple[snapshots.Snapshot, ...] = ()
        started = time.monotonic()
        try:
            with frozen(host, self.run.id, mounts):
                made = snapshots.take(self.cloud, prepared)
        except ThawedTooEarly:
            # the tag must not claim what the watchdog has undone
            tags.put(self.cloud, [one.id for one in made], {tags.LEVEL: "crash"})
            raise
        finally:
            self.seconds_frozen += time.monotonic() - started
        return made

    def fold(self, state: State, _step: Step, facts: run.Facts) -> State:
        """Return the state with this instance's snapshots added to the run's set."""
        before = state.snapshot.ids if state.snapshot and state.snapshot.run == self.run.id else {}
        made: Any = facts["ids"]
        taken = SnapshotState.model_validate(
            {
                "run": self.run.id,
                "at": run.now(),
                "level": facts["level"],
                "ids": {**before, **made},
            }
        )
        return state.model_copy(update={"snapshot": taken})
