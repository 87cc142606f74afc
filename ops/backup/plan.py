"""Decide which volumes a snapshot run takes, on which instances, at which level."""

from __future__ import annotations

from ops.errors import Refused, UsageError
from ops.inventory.schema import Component, InstanceState, State
from ops.plan import Plan, Step


def plan_snapshot(name: str, declared: Component, state: State) -> Plan:
    """Return the plan that snapshots a component's data volumes, one step an instance.

    All volumes of one instance are taken by one call, so they show one moment. The level
    is the declared one ("crash" where no policy is declared). Raise UsageError when there
    is no data volume to take, Refused for a level that needs more than this version has.
    """
    level: str = declared.backup.level if declared.backup else "crash"
    if level == "application":
        level = _fall_back(name, declared)
    steps = tuple(
        _step(slot, instance, declared, level)
        for slot, instance in sorted(state.instances.items())
        if instance.volumes
    )
    if not steps:
        raise UsageError(
            f"{name} has no data volume to snapshot",
            f"Provision it first: fab provision app={name}.",
        )
    return Plan("backup.snapshot", name, steps, {"level": level})


def _fall_back(name: str, declared: Component) -> str:
    policy = declared.backup
    if policy is None or policy.fall_back_to is None:
        raise Refused(
            f"{name} declares application-consistent snapshots, and hooks around a snapshot "
            "are not carried out by this version",
            f"Declare backup.level: filesystem, or backup.fall_back_to, for {name}.",
        )
    return policy.fall_back_to


def _step(slot: str, instance: InstanceState, declared: Component, level: str) -> Step:
    volumes = {volume: found.id for volume, found in sorted(instance.volumes.items())}
    mounts = _mounts(slot, declared, volumes) if level == "filesystem" else []
    frozen = f", {', '.join(mounts)} frozen" if mounts else ""
    named = ", ".join(f"{volume} ({found})" for volume, found in volumes.items())
    return Step(
        "snapshots.create",
        instance.id,
        f"snapshot {named} of {instance.id} in one call, {level} consistent{frozen}",
        {
            "slot": slot,
            "instance": instance.id,
            "volumes": volumes,
            "level": level,
            "mounts": mounts,
        },
    )


def _mounts(slot: str, declared: Component, volumes: dict[str, str]) -> list[str]:
    declared_here = declared.target.instances.get(slot) if declared.target else None
    known = declared_here.volumes if declared_here else {}
    return [known[volume].mount for volume in volumes if volume in known]
