"""The component's state as it follows from each step that was done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.inventory.schema import InstanceState, State, VolumeState
from ops.plan import Step

Facts = Mapping[str, object]


def fold(state: State, step: Step, facts: Facts) -> State:
    """Return the state after `step`, which gave these facts."""
    if step.kind == "instance.make":
        return _with(state, _slot(step), _made(state, step, facts))
    if step.kind in {"instance.start", "address.give", "host.await", "key.renew"}:
        return _changed(state, step, facts)
    if step.kind == "volume.make":
        return _volume(state, step, VolumeState.model_validate(dict(facts)))
    if step.kind == "filesystem.make" and not facts.get("already"):
        return _formatted(state, step)
    if step.kind == "state.record":
        return _seen(state, step, facts)
    return state


def ready(state: State, slots: list[str]) -> State:
    """Return the state after a run that ended well: these slots are provisioned."""
    for slot in slots:
        state = _with(state, slot, state.instances[slot].model_copy(update={"ready": True}))
    if state.phase == "declared":
        state = state.model_copy(update={"phase": "provisioned"})
    return state


def _made(state: State, step: Step, facts: Facts) -> InstanceState:
    """Return a new machine's state; the volumes are those of the machine before it."""
    before = state.instances.get(_slot(step))
    volumes = dict(before.volumes) if before else {}
    return InstanceState.model_validate({**facts, "volumes": volumes})


def _changed(state: State, step: Step, facts: Facts) -> State:
    instance = state.instances.get(_slot(step))
    if instance is None:
        return state
    known = {name: facts[name] for name in facts if name in InstanceState.model_fields}
    return _with(state, _slot(step), instance.model_copy(update=known))


def _volume(state: State, step: Step, volume: VolumeState) -> State:
    instance = state.instances[_slot(step)]
    name = str(step.arguments["volume"])
    changed = instance.model_copy(update={"volumes": {**instance.volumes, name: volume}})
    return _with(state, _slot(step), changed)


def _formatted(state: State, step: Step) -> State:
    """Return the state with the volume formatted; one that is not recorded yet proves itself."""
    volume = state.instances[_slot(step)].volumes.get(str(step.arguments["volume"]))
    if volume is None:
        return state
    return _volume(state, step, volume.model_copy(update={"formatted": True}))


def _seen(state: State, step: Step, facts: Facts) -> State:
    """Return the state with what AWS tells; a slot that was never recorded is begun.

    A volume that is neither declared nor in AWS leaves the record: nothing waits for it.
    """
    slot = _slot(step)
    there = state.instances.get(slot)
    old: dict[str, Any] = there.model_dump() if there else {}
    volumes, gone = facts.get("volumes") or {}, step.arguments.get("gone")
    new = old | {name: value for name, value in facts.items() if name != "volumes"}
    new["ready"] = bool(old.get("ready")) and new["id"] == old.get("id")
    before = there.volumes if there else {}
    kept = {name: one for name, one in before.items() if not _among(name, gone)}
    if isinstance(volumes, Mapping):
        kept |= {str(name): VolumeState.model_validate(one) for name, one in volumes.items()}
    return _with(state, slot, InstanceState.model_validate({**new, "volumes": kept}))


def _among(name: str, listed: object) -> bool:
    return isinstance(listed, list) and name in listed


def _with(state: State, slot: str, instance: InstanceState) -> State:
    return state.model_copy(update={"instances": {**state.instances, slot: instance}})


def _slot(step: Step) -> str:
    return str(step.arguments["slot"])
