"""Drills: the newest backups restored on the scratch host, compared, asked, and removed again.

A backup counts as proven only by what is recorded here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ops import quantities, run
from ops.backup import drill_plan, hooks, restore_ground, restore_volume
from ops.backup.drill_evidence import Evidence
from ops.backup.drill_plan import Held
from ops.backup.restore_volume import Ground, Restored
from ops.cloud import snapshots, tags
from ops.cloud.calls import Wait
from ops.errors import OpsError
from ops.inventory.locks import Holder, component_lock
from ops.inventory.proofs import with_drill
from ops.inventory.schema import DrilledPart, DrillState
from ops.plan import Plan, Step

if TYPE_CHECKING:
    from ops.cloud.session import Cloud
    from ops.inventory.repository import Repository


TURN = 5 * 3600.0
"""Seconds that a drill waits for the ones before it: all of a night begin within one hour."""


def held(cloud: Cloud, name: str) -> list[Held]:
    """Return a component's snapshots that AWS has, of all sets."""
    found = snapshots.find(cloud, {tags.COMPONENT: name, tags.SET: tags.ANY})
    return [
        Held(
            one.id,
            one.tags.get(tags.SLOT, "main"),
            one.tags.get(tags.VOLUME, one.volume),
            one.tags[tags.SET],
            one.started,
            one.size_gib,
            one.state == "completed",
            one.tags.get(tags.LEVEL, ""),
            tags.number(one.tags, tags.SET_SIZE),
            tags.number(one.tags, tags.SET_SLOTS),
        )
        for one in found
        if one.started is not None
    ]


def plan(repo: Repository, name: str) -> Plan:
    """Return the plan that proves a component's newest snapshots; empty where none are taken.

    Raise UsageError when there is no scratch host, OpsError when there is no snapshot yet.
    """
    declared, site = repo.component(name), repo.site()
    scratch = site.scratch.component if site.scratch else ""
    if name == scratch or not declared.has_volumes:
        return Plan("backup.drill", name, notes=("no volume is declared: nothing to prove",))
    state = repo.state(scratch) if scratch in repo.names() else None
    component, slot = drill_plan.scratch_of(site, name, state)
    cloud = run.cloud(repo)
    try:
        found = drill_plan.newest(held(cloud, name), name)
    finally:
        cloud.close()
    checks = declared.backup.check if declared.backup else []
    steps = drill_plan.steps(found, checks, f"{component}/{slot}")
    facts = {"run": found[0].run, "taken": drill_plan.taken(found).isoformat()}
    return Plan("backup.drill", name, steps, facts)


@dataclass
class Drilled:
    """What came of a drill: its record, and how each restored tree differs, as lines."""

    state: DrillState
    differences: list[str] = field(default_factory=list)


def told(name: str, kind: str, done: Drilled) -> list[str]:
    """Return a drill in words: a line, then one for each difference, then the run."""
    proof = done.state
    files = quantities.number(sum(part.files for part in proof.parts))
    moving = quantities.number(sum(part.moving for part in proof.parts))
    headline = (
        f"{name}: {kind} of {proof.taken:%Y-%m-%d %H:%M} {proof.verdict}: {files} files compared,"
        f" {moving} entries in motion then, recovered in {quantities.span(proof.seconds)}"
    )
    return [headline, *done.differences, f"  run {proof.run}"]


def drill(
    repo: Repository,
    name: str,
    decided: Plan,
    *,
    tell: Callable[[Step], None] | None = None,
    patience: Wait | None = None,
    waiting: Callable[[str], None] = lambda _: None,
) -> Drilled:
    """Carry out a drill's plan and record what it proves; remove all it made, come what may.

    Where another drill is at work on the scratch host, wait for it; `waiting` hears of it.
    A difference is a verdict, not an error. Raise OpsError when a backup can't be restored or
    the component's check fails: recorded too, as failed.
    """
    with (
        turn(repo, name, waiting),
        run.begin(repo, "backup.drill", name, dict(decided.facts)) as r,
        scratch(repo, name, r, patience) as ground,
        ExitStack() as made,
    ):
        own = restore_ground.swept(repo, name, r.id, patience)
        if swept := [*restore_volume.sweep(ground), *own]:
            r.figure("swept", swept)
        proving = _Proving(repo, name, r, ground, made)
        performers = {"volume.prove": proving.prove, "volumes.ask": proving.ask}
        try:
            r.carry_out(decided, performers, tell=tell)
            verdict = drill_plan.verdict(name, proving.evidence.lines, proving.parts, proving.asked)
        except OpsError:
            r.observe(with_drill(r.state, "snapshot", proving.state("failed", decided)))
            raise
        made.close()
        state = proving.state(verdict, decided)
        r.observe(with_drill(r.state, "snapshot", state))
        r.figure("recovery_seconds", state.seconds)
        r.verdict = "different" if verdict == "different" else "done"
        return Drilled(state, proving.evidence.lines)


@contextmanager
def scratch(repo: Repository, name: str, r: run.Run, patience: Wait | None) -> Iterator[Ground]:
    """Give the scratch host, for who has its turn."""
    with restore_ground.ground(repo, _scratch(repo, name), r.id, name, patience) as found:
        yield found


@contextmanager
def turn(repo: Repository, name: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of the scratch host's component: one drill at a time, and no other task.

    It is waited for before the run begins, while the component's own backups can go on.
    """
    component, _ = _scratch(repo, name)
    holder = Holder("backup.drill", name, os.getpid(), run.now().isoformat())
    with component_lock(repo.var, component, holder, patience=TURN, waiting=waiting):
        yield


def _scratch(repo: Repository, name: str) -> tuple[str, str]:
    declared = repo.site().scratch
    state = repo.state(declared.component) if declared else None
    return drill_plan.scratch_of(repo.site(), name, state)


class _Proving:
    """The performers of a drill of snapshots, and what they add up."""

    def __init__(
        self, repo: Repository, name: str, r: run.Run, ground: Ground, made: ExitStack
    ) -> None:
        self.repo, self.name, self.run, self.ground, self.made = repo, name, r, ground, made
        self.evidence = Evidence(repo, r, ground.host)
        self.parts: list[DrilledPart] = []
        self.places: dict[str, dict[str, str]] = {}
        self.asked = 0
        self.volumes: list[Restored] = []
        self.seconds = 0.0
        self.open = False

    def prove(self, step: Step) -> run.Facts:
        """Restore one snapshot, and compare every file with its manifest."""
        told: Any = step.arguments
        listed = self.evidence.manifest(told["run"], told["slot"], told["volume"])
        began = time.monotonic()
        one = self.made.enter_context(
            restore_volume.restored(
                self.ground, told["snapshot"], lambda volume: self.run.remember(volume=volume)
            )
        )
        seconds = time.monotonic() - began
        self.seconds += seconds
        self.volumes.append(one)
        there = self.places.setdefault(told["slot"], {})
        if live := self.repo.component(self.name).mount(told["slot"], told["volume"]):
            there[live] = one.mount
        found = self.evidence.compare(f"{told['slot']}.{told['volume']}", listed, one.mount)
        part = {"slot": told["slot"], "name": told["volume"], "backup": told["snapshot"]}
        self.parts.append(DrilledPart.model_validate({**part, **found}))
        return {"volume": one.volume, "restored_in": round(seconds, 3), **found}

    def ask(self, step: Step) -> run.Facts:
        """Let the component's own check ask the restored data; its exit code decides."""
        told: Any = step.arguments
        began = time.monotonic()
        if not self.open:
            for one in self.volumes:
                restore_volume.open_for_writing(self.ground, one)
            self.open = True
        said = [
            hooks.ask(self.ground.host, [told["script"], *words], self.repo.template)
            for _, words in drill_plan.askings(told["arguments"], self.places)
        ]
        self.asked += len(said)
        self.seconds += time.monotonic() - began
        return {"said": "; ".join(said)}

    def state(self, verdict: str, decided: Plan) -> DrillState:
        """Return the drill's record with this verdict."""
        return DrillState.model_validate(
            {
                "run": self.run.id,
                "at": run.now(),
                "of": decided.facts["run"],
                "taken": decided.facts["taken"],
                "verdict": verdict,
                "seconds": round(self.seconds, 3),
                "parts": self.parts,
            }
        )
