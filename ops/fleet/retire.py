"""Gives a component up: only what is proven to come back, and in two steps with days between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from ops import run
from ops.backup import snapshot
from ops.backup.plan import plan_snapshot
from ops.cloud import instances, snapshots, tags, volumes
from ops.cloud.instances import Instance
from ops.cloud.session import Cloud
from ops.errors import OpsError, Refused
from ops.fleet import halt, retire_plan
from ops.inventory.locks import must_be_idle
from ops.inventory.repository import Repository
from ops.inventory.schema import State
from ops.inventory.schema.words import seconds
from ops.plan import Plan, Step
from ops.provision import survey
from ops.provision.apply import still

Agree = Callable[[Plan], bool]
Tell = Callable[[str], None]


def retire(
    repo: Repository,
    name: str,
    agree: Agree,
    *,
    tell: Tell,
    undo: bool = False,
    expect: str = "",
    now: Callable[[], datetime] = run.now,
) -> bool:
    """Do what is next in giving the component up; return whether anything was done.

    First a last snapshot and the stop, then, once the declared days are over, the end. `agree`
    sees the plan. Raise Refused where nothing proves that the data would come back.
    """
    must_be_idle(repo.var, name)
    cloud = run.cloud(repo)
    try:
        state = survey.state(repo, name)
        shown = _plan(repo, cloud, name, state, now(), undo=undo)
        if not agree(shown):
            return False
        taken = _snapshot(repo, cloud, name, shown, tell)
        with run.begin(repo, "provision.retire", name, {"undo": undo}) as under_way:
            current = _plan(repo, cloud, name, under_way.state, now(), undo=undo)
            still(current, shown, strictly=bool(expect))
            work = _Giving(repo, name, cloud, under_way, now)
            rest = tuple(one for one in current.steps if one not in taken)
            under_way.carry_out(
                Plan(current.task, name, rest, current.facts),
                work.by_kind(),
                fold=retire_plan.fold,
                tell=lambda step: tell(str(step)),
            )
    finally:
        cloud.close()
    return True


def _plan(
    repo: Repository, cloud: Cloud, name: str, state: State, now: datetime, *, undo: bool
) -> Plan:
    there = _there(cloud, name)
    if undo:
        return retire_plan.undo(name, state, there)
    declared, state = repo.component(name), _counted(repo, cloud, name, state)
    last = _last(repo, name, state, there).steps if state.retirement is None else ()
    return retire_plan.plan(name, declared, state, there, now, snapshot=last)


def _counted(repo: Repository, cloud: Cloud, name: str, state: State) -> State:
    there = {one.id for one in volumes.find(cloud, {tags.COMPONENT: name})}
    return retire_plan.counted(state, repo.component(name), there)


def _there(cloud: Cloud, name: str) -> dict[str, Instance]:
    states = (*instances.ALIVE, "shutting-down", "terminated")
    return {one.id: one for one in instances.find(cloud, {tags.COMPONENT: name}, states)}


def _last(repo: Repository, name: str, state: State, there: Mapping[str, Instance]) -> Plan:
    """Return the plan of the last snapshot; of what has stopped it is taken as it is."""
    if not any(one.volumes for one in state.instances.values()):
        return Plan("backup.snapshot", name)
    down = [one.id for one in there.values() if one.state in {"stopping", "stopped"}]
    return plan_snapshot(name, repo.component(name), state, stopped=down)


def _snapshot(
    repo: Repository, cloud: Cloud, name: str, shown: Plan, tell: Tell
) -> tuple[Step, ...]:
    """Take the last snapshot, and copy it where declared, in a run of its own; return its steps."""
    steps = tuple(one for one in shown.steps if one.kind.startswith("snapshots."))
    if steps:
        there = _there(cloud, name)
        for one in there.values():
            if one.state == "stopping":
                halt.stop(cloud, one.id)
        state = _counted(repo, cloud, name, repo.state(name))
        last = _last(repo, name, state, there)
        snapshot.take(repo, name, last, tell=lambda step: tell(str(step)))
    return steps


class _Giving:
    """The performers of a retirement."""

    def __init__(
        self,
        repo: Repository,
        name: str,
        cloud: Cloud,
        under_way: run.Run,
        now: Callable[[], datetime],
    ) -> None:
        self._repo, self._name, self._cloud = repo, name, cloud
        self._run, self._now = under_way, now

    def by_kind(self) -> dict[str, run.Performer]:
        """Return the performer of each kind of step."""
        return {
            "instance.stop": self._stop,
            "retirement.open": self._open,
            "instance.end": self._end,
            "instance.protect": self._protect,
            "retirement.close": self._close,
            "retirement.undo": self._nothing,
        }

    def _stop(self, step: Step) -> None:
        halt.stop(self._cloud, str(step.arguments["id"]))

    def _open(self, step: Step) -> Mapping[str, object]:
        since = self._now()
        due = since + timedelta(seconds=seconds(str(step.arguments["wait"])))
        taken = self._run.state.snapshot
        last = dict(taken.ids) if taken else {}
        told = {"run": self._run.id, "since": since.isoformat(), "due": due.isoformat()}
        return {**told, "snapshots": last}

    def _end(self, step: Step) -> None:
        """End an instance, once its last snapshots are seen complete; its data volumes stay."""
        instance_id = str(step.arguments["id"])
        self._must_be_saved()
        self._keep_volumes(instance_id)
        instances.protect(self._cloud, instance_id, on=False)
        try:
            instances.terminate(self._cloud, instance_id)
        except OpsError:
            instances.protect(self._cloud, instance_id, on=True)
            raise
        instances.wait(self._cloud, instance_id, "terminated", halt.PATIENCE)

    def _keep_volumes(self, instance_id: str) -> None:
        """Let all volumes but the root outlive the instance, also those attached by hand."""
        found = instances.get(self._cloud, instance_id)
        for one in found.attachments if found else ():
            if found and one.device != found.root_device and one.delete_on_termination:
                volumes.keep(self._cloud, instance_id, one.device)

    def _protect(self, step: Step) -> None:
        instances.protect(self._cloud, str(step.arguments["id"]), on=True)

    def _must_be_saved(self) -> None:
        found = self._run.state.retirement
        wanted = set(found.snapshots.values()) if found else set()
        seen = snapshots.find(self._cloud, {tags.COMPONENT: self._name}) if wanted else ()
        whole = {one.id for one in seen if one.state == "completed"}
        missing = sorted(wanted - whole)
        if missing:
            raise Refused(
                f"the last snapshot {', '.join(missing)} is not there, or not complete",
                "Nothing is ended without it.",
            )

    def _close(self, _: Step) -> Mapping[str, object]:
        for slot in self._run.state.instances:
            self._repo.unpin(f"{self._name}.cloud.{slot}")
        return {"at": self._now().isoformat()}

    def _nothing(self, _: Step) -> None:
        """Do nothing: what is recorded is all of it."""
