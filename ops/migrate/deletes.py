"""The steps that delete on the target what is gone from the source: last, and counted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ops import quantities
from ops.errors import Refused
from ops.inventory.schema import Component, FileSet
from ops.plan import Plan, Step

KIND = "files.delete"


def apart(component: Component, name: str) -> list[str]:
    """Return what is declared on that data set's target that is not of the set.

    The roots of the other data sets there, and the files that provision puts there.
    """
    data = component.data[name]
    slot = data.target.host if isinstance(data, FileSet) else data.target
    others = (each for other, each in component.data.items() if other != name)
    roots = [
        each.target.root
        for each in others
        if isinstance(each, FileSet) and each.target.host == slot
    ]
    return [*roots, *(file.path for file in (component.target.files if component.target else ()))]


def added(plan: Plan, gone: Mapping[str, int], allowed: int) -> Plan:
    """Return the plan, with a deletion at its end for each data set of which entries are `gone`.

    Raise Refused when more of them are gone, in all, than are `allowed`.
    """
    check(plan.target, sum(gone.values()), allowed)
    steps = tuple(
        Step(
            KIND,
            name,
            f"{name}: delete {_entries(count)} on the target that are gone from the source, "
            "when all has arrived",
            {"entries": count, "allowed": allowed},
            "delete",
        )
        for name, count in gone.items()
        if count
    )
    return replace(plan, steps=plan.steps + steps)


def allowed(plan: Plan) -> int:
    """Return how many deletions the plan allows in all, 0 without any in it."""
    steps = (step for step in plan.steps if step.kind == KIND)
    return next((int(str(step.arguments["allowed"])) for step in steps), 0)


def check(target: str, count: int, allowed: int) -> None:
    """Raise Refused when that many deletions are more than `allowed`."""
    if count > allowed:
        raise Refused(
            f"{target}: mirror=true would delete {_entries(count)} on the target, and {allowed} "
            "are allowed",
            f"See that the source is whole; then say allow-deletes={count}.",
        )


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{quantities.number(count)} entries"
