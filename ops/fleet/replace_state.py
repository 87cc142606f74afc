"""A component's state while an instance is replaced: what each step makes of it. Pure.

To the steps of `provision` the successor is the slot's instance: they see and change a `view`
of the state, in which it stands in its predecessor's place.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ops.inventory.schema import FormerState, InstanceState, ReplacementState, State
from ops.plan import Step
from ops.provision import recording

Facts = Mapping[str, object]


def view(state: State, slot: str) -> State:
    """Return the state as the successor's steps see it; its volumes are those that move."""
    found = state.replacements[slot]
    return state.model_copy(
        update={"instances": {**state.instances, slot: found.successor or _bare(found)}}
    )


def fold(state: State, step: Step, facts: Facts) -> State:
    """Return the state after a step of a replacement, which gave these facts."""
    slot = str(step.arguments["slot"])
    if step.kind == "replacement.open":
        opened = ReplacementState.model_validate(step.arguments["replacement"])
        told = opened if opened.ran else _silent(opened, facts)
        return _with(state, slot, told)
    if step.kind in _OWN:
        return _OWN[step.kind](state, slot, facts)
    if state.replacements[slot].switched:
        return recording.fold(state, step, facts)
    return _seen(state, slot, recording.fold(view(state, slot), step, facts))


def _seen(state: State, slot: str, seen: State) -> State:
    found, made = state.replacements[slot], seen.instances[slot]
    if made.id == found.old.id:
        return state
    return _with(state, slot, found.model_copy(update={"successor": made}))


def _stopped(state: State, slot: str, facts: Facts) -> State:
    """Return the state with when the old instance was told to stop; the first time counts."""
    found = state.replacements[slot]
    if found.silent is not None or facts.get("id") != found.old.id:
        return state
    return _with(state, slot, _silent(found, facts))


def _silent(found: ReplacementState, facts: Facts) -> ReplacementState:
    since = datetime.fromisoformat(str(facts["at"]))
    return found.model_copy(update={"silent": since})


def _switched(state: State, slot: str, facts: Facts) -> State:
    found = state.replacements[slot]
    if found.successor is None:
        return state
    ready = found.successor.model_copy(update={"ready": True, **_key(facts)})
    former = {} if found.gone else {found.old.id: _former(slot, found.old, "replaced", facts)}
    changed = state.model_copy(
        update={
            "instances": {**state.instances, slot: ready},
            "former": {**state.former, **former},
        }
    )
    return _with(changed, slot, found.model_copy(update={"switched": True}))


def _restarted(state: State, slot: str, facts: Facts) -> State:
    """Return the state with the old instance's addresses, which a stop may have changed."""
    known = {name: facts[name] for name in facts if name in InstanceState.model_fields}
    old = state.instances[slot].model_copy(update=known)
    return state.model_copy(update={"instances": {**state.instances, slot: old}})


def _undone(state: State, slot: str, facts: Facts) -> State:
    """Return the state with the old instance; volumes that were made anew are its own now."""
    found, old = state.replacements[slot], state.instances[slot]
    successor = found.successor
    given_up = {successor.id: _former(slot, successor, "given up", facts)} if successor else {}
    made = dict(successor.volumes) if successor else {}
    new = {name: one for name, one in made.items() if name not in found.old.volumes}
    kept = old.model_copy(update={"volumes": {**old.volumes, **new}})
    left = {"former": {**state.former, **given_up}, "instances": {**state.instances, slot: kept}}
    return _with(state.model_copy(update=left), slot, None)


def _closed(state: State, slot: str, _: Facts) -> State:
    return _with(state, slot, None)


def _former(slot: str, instance: InstanceState, why: str, facts: Facts) -> FormerState:
    told = {"slot": slot, "generation": instance.generation, "why": why}
    since = datetime.fromisoformat(str(facts["at"]))
    return FormerState.model_validate({**told, "since": since, "run": facts["run"]})


def _key(facts: Facts) -> dict[str, object]:
    return {"host_key": facts["host_key"]} if facts.get("host_key") else {}


def _bare(found: ReplacementState) -> InstanceState:
    moved = {n: v for n, v in found.old.volumes.items() if n not in found.snapshots}
    return found.old.model_copy(update={"volumes": moved, "ready": False})


def _with(state: State, slot: str, found: ReplacementState | None) -> State:
    others: dict[str, Any] = {n: r for n, r in state.replacements.items() if n != slot}
    update = {"replacements": {**others, slot: found} if found else others}
    return state.model_copy(update=update)


_OWN = {
    "instance.stop": _stopped,
    "old.start": _restarted,
    "successor.switch": _switched,
    "replacement.undo": _undone,
    "replacement.close": _closed,
}
"""What each step of a replacement's own, but the first, makes of the state."""
