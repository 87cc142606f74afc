"""The plan of giving a component up: proven, snapshotted, stopped, and ended days later. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from ops.cloud.instances import Instance
from ops.errors import Refused, UsageError
from ops.inventory.proofs import proven
from ops.inventory.schema import Component, Retirement, RetirementState, State
from ops.inventory.schema.words import seconds
from ops.plan import Plan, Step

Instances = Mapping[str, Instance]
"""What AWS has, by id: the component's own instances and its former ones."""


def plan(
    name: str,
    declared: Component,
    state: State,
    there: Instances,
    now: datetime,
    *,
    snapshot: tuple[Step, ...] = (),
) -> Plan:
    """Return what is to be done next: give up, wait (nothing to do), or end what was given up.

    `snapshot` are the steps of the last snapshot. Raise UsageError when there is nothing to
    give up; Refused while a volume has no proven backup that is young enough, while a
    replacement is under way, and when what was stopped runs again.
    """
    task, retirement = "provision.retire", state.retirement
    if retirement is None:
        must_be_proven(name, state, terms(declared), now)
        steps = (*snapshot, *_stops(state, there), _open(name, terms(declared)))
        return Plan(task, name, steps, {"instances": _ids(state)})
    if retirement.ended is not None:
        return Plan(task, name, notes=(f"note: ended on {retirement.ended:%Y-%m-%d}",))
    if now < retirement.due:
        days = (retirement.due - now) / timedelta(days=1)
        return Plan(task, name, notes=(_waiting(name, retirement, days),))
    return Plan(task, name, tuple(_ends(name, state, there)), {"instances": _ids(state)})


def undo(name: str, state: State, there: Instances) -> Plan:
    """Return the plan that takes a retirement back; nothing to do when there is none.

    Termination protection is on again first: a run that was to end them may have lifted it.
    """
    if state.retirement is None:
        return Plan("provision.retire", name, notes=("note: it is not retired",))
    words = f"take the retirement of {name} back; `fab provision app={name}` starts it again"
    back = Step("retirement.undo", name, words, {}, "change")
    steps = (*_protections(state, there), back)
    return Plan("provision.retire", name, steps, {"instances": _ids(state)})


def counted(state: State, declared: Component, there: Collection[str]) -> State:
    """Return the state without the volumes that are neither declared nor in AWS any more.

    `there` are the ids that AWS has. Nobody can prove or snapshot what has gone on purpose.
    """
    target = declared.target.instances if declared.target else {}
    left = {}
    for slot, one in state.instances.items():
        wanted = target[slot].volumes if slot in target else {}
        kept = {n: v for n, v in one.volumes.items() if n in wanted or v.id in there}
        left[slot] = one.model_copy(update={"volumes": kept})
    return state.model_copy(update={"instances": left})


def must_be_proven(name: str, state: State, declared: Retirement, now: datetime) -> None:
    """Do nothing when every volume has a proven backup that is young enough.

    Raise UsageError when there is no instance, Refused otherwise.
    """
    if not state.instances:
        raise UsageError(f"{name} has no instance to retire", "It was not provisioned.")
    if state.replacements:
        raise Refused(
            f"{name}: a replacement is under way",
            f"Complete it with `fab provision.replace app={name}`.",
        )
    drill = proven(state)
    held = {(one.slot, one.name) for one in drill.parts} if drill else set()
    bare = [f"{s}/{v}" for s, i in state.instances.items() for v in i.volumes if (s, v) not in held]
    if bare:
        raise Refused(
            f"{name}: no proven backup of {', '.join(sorted(bare))}",
            f"Prove one: `fab backup.snapshot app={name}`, then `fab backup.drill app={name}`.",
        )
    volumes = any(instance.volumes for instance in state.instances.values())
    if volumes and drill and now - drill.taken > timedelta(seconds=seconds(declared.proven)):
        days = (now - drill.taken) / timedelta(days=1)
        raise Refused(
            f"{name}: its newest proven backup is {days:.1f} days old, and {declared.proven} is "
            "what is declared",
            f"Prove a newer one: `fab backup.snapshot app={name}`, `fab backup.drill app={name}`.",
        )


def terms(declared: Component) -> Retirement:
    """Return what must be so before the component is given up for good."""
    return declared.target.retirement if declared.target else Retirement.model_validate({})


def fold(state: State, step: Step, facts: Mapping[str, object]) -> State:
    """Return the state after a step, which gave these facts."""
    found = state.retirement
    if step.kind == "retirement.open":
        opened = RetirementState.model_validate(dict(facts))
        return state.model_copy(update={"retirement": opened, "phase": "retired"})
    if step.kind == "retirement.close" and found is not None:
        ended = found.model_copy(update={"ended": datetime.fromisoformat(str(facts["at"]))})
        return state.model_copy(update={"retirement": ended, "instances": {}, "former": {}})
    if step.kind == "retirement.undo":
        phase = "provisioned" if state.instances else "declared"
        return state.model_copy(update={"retirement": None, "phase": phase})
    return state


def _stops(state: State, there: Instances) -> Iterator[Step]:
    for slot, recorded in sorted(state.instances.items()):
        found = there.get(recorded.id)
        if found is not None and found.alive and found.state != "stopped":
            told = {"id": recorded.id, "slot": slot, "type": recorded.type}
            yield Step("instance.stop", slot, f"stop {recorded.id} ({slot})", told, "replace")


def _protections(state: State, there: Instances) -> Iterator[Step]:
    for slot, recorded in sorted(state.instances.items()):
        found = there.get(recorded.id)
        if found is not None and found.alive:
            words = f"protect {recorded.id} ({slot}) against termination"
            yield Step("instance.protect", slot, words, {"id": recorded.id}, "change")


def _open(name: str, declared: Retirement) -> Step:
    words = f"retire {name}: it may end in {declared.wait}, and is protected until then"
    return Step("retirement.open", name, words, {"wait": declared.wait}, "replace")


def _ends(name: str, state: State, there: Instances) -> Iterator[Step]:
    own = {one.id: slot for slot, one in state.instances.items()}
    for instance_id in sorted({*own, *state.former}):
        found = there.get(instance_id)
        if found is None or not found.alive:
            continue
        if found.state != "stopped":
            raise Refused(
                f"{name}: {instance_id} is {found.state}, though it was retired",
                f"Stop it, or take it back with `fab provision.retire app={name} undo=true`.",
            )
        words = f"terminate {instance_id} ({own.get(instance_id, 'former')}); its volumes stay"
        yield Step("instance.end", instance_id, words, {"id": instance_id}, "delete")
    snapshots = dict(state.retirement.snapshots) if state.retirement else {}
    words = f"record that {name} has ended"
    yield Step("retirement.close", name, words, {"snapshots": snapshots}, "change")


def _ids(state: State) -> dict[str, str]:
    return {slot: one.id for slot, one in state.instances.items()}


def _waiting(name: str, retirement: RetirementState, days: float) -> str:
    return (
        f"note: stopped since {retirement.since:%Y-%m-%d}, may end on {retirement.due:%Y-%m-%d}, "
        f"in {days:.1f} days; `fab provision.retire app={name} undo=true` takes it back"
    )
