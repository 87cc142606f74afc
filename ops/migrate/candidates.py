"""Which components a transfer without a name takes, in which order, and why not the others."""

from __future__ import annotations

from collections.abc import Mapping

from ops.inventory.schema import Component, State


def candidates(
    components: Mapping[str, Component], states: Mapping[str, State]
) -> tuple[list[str], dict[str, str]]:
    """Return the components that can be moved, needed ones first, and why each other can't.

    A component comes after those it depends on; what is free otherwise goes by name.
    """
    reasons = {name: hindrance(components[name], states[name]) for name in sorted(components)}
    ready = [name for name in in_order(components) if not reasons[name]]
    return ready, {name: reason for name, reason in reasons.items() if reason}


def hindrance(component: Component, state: State) -> str:
    """Return why the component's data can't be moved now, "" when it can."""
    return undeclared(component) or unready(component, state)


def undeclared(component: Component) -> str:
    """Return what a transfer needs that is not declared, "" when all is."""
    if not component.data:
        return "has no data sets"
    if component.source is None:
        return "has no source host"
    return "" if component.target else "has no target"


def unready(component: Component, state: State) -> str:
    """Return why a transfer must wait, or comes too late, "" when it may begin."""
    if state.phase in ("switched", "retired"):
        return f"is {state.phase}: its original is in the cloud now"
    waiting = [slot for slot in _slots(component) if not _is_ready(state, slot)]
    return f"is not provisioned ({', '.join(waiting)})" if waiting else ""


def in_order(components: Mapping[str, Component]) -> list[str]:
    """Return all names, each after the components it depends on; a circle is cut somewhere."""
    placed: dict[str, None] = {}
    seen: set[str] = set()

    def place(name: str) -> None:
        if name in seen or name not in components:
            return
        seen.add(name)
        for needed in sorted(components[name].depends):
            place(needed)
        placed[name] = None

    for name in sorted(components):
        place(name)
    return list(placed)


def _slots(component: Component) -> list[str]:
    targets = (data.target for data in component.data.values())
    return sorted({target if isinstance(target, str) else target.host for target in targets})


def _is_ready(state: State, slot: str) -> bool:
    return slot in state.instances and state.instances[slot].ready
