"""How much one run may make before it refuses, by the limits of site.yaml. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ops.errors import Refused
from ops.inventory.schema import Limits
from ops.plan import Plan


def check(plan: Plan, limits: Limits, *, allow_instances: int, allow_volume_gib: int) -> None:
    """Do nothing when the plan is within the limits, or within what is allowed beyond them.

    Raise Refused otherwise, naming the counted argument that allows it.
    """
    instances = sum(step.kind == "instance.make" for step in plan.steps)
    gib = volume_gib(plan)
    for what, count, allowed, argument in (
        ("instances", instances, max(limits.instances, allow_instances), "allow-instances"),
        ("GiB of volumes", gib, max(limits.volume_gib, allow_volume_gib), "allow-volume-gib"),
    ):
        if count > allowed:
            raise Refused(
                f"{plan.target}: the plan makes {count} {what}, the limit is {allowed}",
                f"Read it with plan=true; to carry it out say {argument}={count}.",
            )


def told(plan: Plan, check: Callable[[Plan], None]) -> Plan:
    """Return the plan with a note of why `check` would refuse to carry it out, if it would."""
    try:
        check(plan)
    except Refused as error:
        why = error.message.removeprefix(f"{plan.target}: ")
        return replace(plan, notes=(*plan.notes, f"note: refused as it is: {why}. {error.hint}"))
    return plan


def volume_gib(plan: Plan) -> int:
    """Return the GiB of data volumes that the plan makes, and of root volumes with them."""
    total = 0
    for step in plan.steps:
        if step.kind == "volume.make":
            total += _int(step.arguments["size_gib"])
        elif step.kind == "instance.make":
            root = step.arguments["root"]
            total += _int(root["size_gib"]) if isinstance(root, dict) else 0
    return total


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
