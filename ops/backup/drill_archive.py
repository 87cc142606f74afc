"""Drills of archives: the newest one restored by restic, compared, asked, and removed again.

Restored is on the scratch host, whose root must be let in to the repository; where that is a
folder of the campus host itself, there, into a folder of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from ops import run
from ops.backup import archives, drill, drill_plan, hooks, restore_archive
from ops.backup.archive_plan import plan_archive
from ops.backup.drill import Drilled
from ops.backup.drill_evidence import Evidence
from ops.errors import OpsError
from ops.inventory.proofs import with_drill
from ops.inventory.schema import Archive, DrilledPart, DrillState
from ops.plan import Plan, Step

if TYPE_CHECKING:
    from ops.cloud.calls import Wait
    from ops.inventory.repository import Repository
    from ops.remote.host import Host


def plan(repo: Repository, name: str) -> Plan:
    """Return the plan that proves a component's newest archive; empty where none is declared.

    Raise OpsError when there is no archive yet, UsageError without a scratch host.
    """
    declared = repo.component(name)
    archive = declared.backup.archive if declared.backup else None
    if archive is None:
        return Plan("backup.drill", name, notes=("no archive is declared: nothing to prove",))
    made = repo.state(name).archive
    if made is None:
        raise OpsError(f"{name} has no archive yet", f"Make one: fab backup.run app={name}")
    where = _where(repo, name, archive)
    kept = {
        str(step.arguments["slot"]): step.arguments["trees"]
        for step in plan_archive(name, declared).steps
        if step.kind == "archive.make"
    }
    if missing := kept.keys() - made.ids.keys():
        raise OpsError(
            f"{name}: the newest archive lacks {', '.join(sorted(missing))}: it proves nothing",
            f"Make a whole one: fab backup.run app={name}",
        )
    steps = [
        Step(
            "archive.prove",
            one,
            f"restore the archive {one[:8]} of {slot} on {where}, compare every file",
            {"archive": one, "slot": slot, "run": made.run, "trees": kept.get(slot, {})},
        )
        for slot, one in sorted(made.ids.items())
    ]
    steps += [
        drill_plan.asking_step(hook, "archives.ask", "the restored archive")
        for hook in archive.check
    ]
    facts = {"run": made.run, "kind": "archive", "taken": made.at.isoformat()}
    return Plan("backup.drill", name, tuple(steps), facts)


def perform(
    repo: Repository,
    name: str,
    decided: Plan,
    *,
    tell: Callable[[Step], None] | None = None,
    patience: Wait | None = None,
    waiting: Callable[[str], None] = lambda _: None,
) -> Drilled:
    """Carry out the plan and record what it proves, as ops.backup.drill.drill does."""
    archive = archives.declared(repo, name)
    with (
        nullcontext() if _on_campus(archive) else drill.turn(repo, name, waiting),
        run.begin(repo, "backup.drill", name, dict(decided.facts)) as r,
        _hosts(repo, name, archive, r, patience) as host_of,
        ExitStack() as made,
    ):
        proving = _Proving(repo, name, r, host_of, made)
        performers = {"archive.prove": proving.prove, "archives.ask": proving.ask}
        try:
            r.carry_out(decided, performers, tell=tell)
            verdict = drill_plan.verdict(name, proving.lines, proving.parts, proving.asked)
        except OpsError:
            r.observe(with_drill(r.state, "archive", proving.state("failed", decided)))
            raise
        made.close()
        state = proving.state(verdict, decided)
        r.observe(with_drill(r.state, "archive", state))
        r.figure("recovery_seconds", state.seconds)
        r.verdict = "different" if verdict == "different" else "done"
        return Drilled(state, proving.lines)


def _on_campus(archive: Archive) -> bool:
    return archive.repository.startswith("/")


def _where(repo: Repository, name: str, archive: Archive) -> str:
    if _on_campus(archive):
        return "its own campus host"
    scratch = repo.site().scratch
    state = repo.state(scratch.component) if scratch else None
    return "/".join(drill_plan.scratch_of(repo.site(), name, state))


@contextmanager
def _hosts(
    repo: Repository, name: str, archive: Archive, r: run.Run, patience: Wait | None
) -> Iterator[Callable[[str], Host]]:
    """Give the function that returns the host on which a slot's archive is restored."""
    with ExitStack() as stack:
        if _on_campus(archive):
            yield lambda slot: stack.enter_context(run.host(repo, name, "campus", slot))
        else:
            host = stack.enter_context(drill.scratch(repo, name, r, patience)).host
            yield lambda _slot: host


class _Proving:
    """The performers of a drill of archives, and what they add up."""

    def __init__(
        self,
        repo: Repository,
        name: str,
        r: run.Run,
        host_of: Callable[[str], Host],
        made: ExitStack,
    ) -> None:
        self.repo, self.name, self.run, self.host_of, self.made = repo, name, r, host_of, made
        self.way = archives.way(repo, archives.declared(repo, name))
        self.hosts: dict[str, Host] = {}
        self.parts: list[DrilledPart] = []
        self.places: dict[str, dict[str, str]] = {}
        self.asked = 0
        self.lines: list[str] = []
        self.seconds = 0.0

    def prove(self, step: Step) -> run.Facts:
        """Restore one host's archive, and compare every file with its manifests."""
        told: Any = step.arguments
        slot, host = told["slot"], self.host_of(told["slot"])
        self.hosts[slot] = host
        there = self.places.setdefault(slot, {})
        evidence = Evidence(self.repo, self.run, host)
        listed = {each: evidence.manifest(told["run"], slot, each) for each in told["trees"]}
        began = time.monotonic()
        name = f"{self.name}.{slot}"
        folder = self.made.enter_context(
            restore_archive.restored(host, self.way, told["archive"], name)
        )
        seconds = time.monotonic() - began
        self.seconds += seconds
        found: list[Any] = []
        for each, tree in told["trees"].items():
            root = folder + tree["root"]
            there[tree["root"]] = root
            against = evidence.compare(
                f"{slot}.{each}", listed[each], root, exclude=tuple(tree["exclude"])
            )
            found.append(against)
        self.lines += evidence.lines
        total = {key: sum(one[key] for one in found) for key in ("files", "bytes", "moving")}
        verdict = "different" if evidence.lines else "proven"
        names = ",".join(told["trees"])
        part = {"slot": slot, "name": names, "backup": told["archive"], "verdict": verdict}
        self.parts.append(DrilledPart.model_validate({**part, **total}))
        return {"restored_in": round(seconds, 3), "verdict": verdict, **total}

    def ask(self, step: Step) -> run.Facts:
        """Let the component's own check ask what was restored; its exit code decides."""
        told: Any = step.arguments
        began = time.monotonic()
        said = [
            hooks.ask(self.hosts[slot], [told["script"], *words], self.repo.template)
            for slot, words in drill_plan.askings(told["arguments"], self.places)
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
