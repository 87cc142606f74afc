"""Decide which volumes a snapshot run takes, on which instances, at which level."""

from __future__ import annotations

from collections.abc import Collection

from ops.errors import UsageError
from ops.inventory.schema import Backup, Component, Hook, InstanceState, State
from ops.plan import Plan, Step


def plan_snapshot(
    name: str, declared: Component, state: State, *, stopped: Collection[str] = ()
) -> Plan:
    """Return the plan that snapshots a component's data volumes, one step an instance.

    All volumes of one instance are taken by one call, so they show one moment. The level
    is the declared one, "crash" where no policy is declared; file systems are frozen and
    hooks run at the levels above that. Instances that are known to be `stopped` are taken as
    they are: nothing is written there, and nobody answers. A component that declares no data
    volume has nothing to do. Raise UsageError when declared volumes are not there yet, or no
    hook is although the level is "application".
    """
    policy = declared.backup
    level = policy.level if policy else "crash"
    if policy and level == "application" and not policy.before:
        raise UsageError(
            f"{name} declares application-consistent snapshots, but no hook that prepares one",
            f"Name a script in backup.before of components/{name}.yaml.",
        )
    found = {slot: one for slot, one in sorted(state.instances.items()) if one.volumes}
    steps = tuple(
        _step(slot, one, declared, policy, slots=len(found), stopped=one.id in stopped)
        for slot, one in found.items()
    )
    if not steps and not declared.has_volumes:
        return Plan("backup.snapshot", name, notes=("no data volume is declared",))
    if not steps:
        raise UsageError(
            f"{name} has no data volume to snapshot",
            f"Provision it first: fab provision app={name}.",
        )
    copies = (_copy(policy.copy_to),) if policy and policy.copy_to else ()
    return Plan("backup.snapshot", name, (*steps, *copies), {"level": level})


def _copy(region: str) -> Step:
    words = f"copy what was taken to {region}, when it is complete"
    return Step("snapshots.copy", region, words, {"region": region})


def _step(
    slot: str,
    instance: InstanceState,
    declared: Component,
    policy: Backup | None,
    *,
    slots: int,
    stopped: bool,
) -> Step:
    level = policy.level if policy and not stopped else "crash"
    volumes = {volume: found.id for volume, found in sorted(instance.volumes.items())}
    mounts = _mounts(slot, declared, volumes) if level != "crash" else []
    named = ", ".join(f"{volume} ({found})" for volume, found in volumes.items())
    words = f"snapshot {named} of {instance.id} in one call, {level} consistent"
    if mounts:
        words += f", {', '.join(mounts)} frozen"
    if stopped:
        words += ", as it is, which is stopped"
    return Step(
        "snapshots.create",
        instance.id,
        words,
        {
            "slot": slot,
            "slots": slots,
            "instance": instance.id,
            "volumes": volumes,
            "level": level,
            "stopped": stopped,
            "fall_back_to": policy.fall_back_to if policy else None,
            "mounts": mounts,
            "places": _places(slot, declared, volumes),
            "before": _hooks(policy.before) if policy and level != "crash" else [],
            "after": _hooks(policy.after) if policy and level != "crash" else [],
        },
    )


def _mounts(slot: str, declared: Component, volumes: dict[str, str]) -> list[str]:
    return list(_places(slot, declared, volumes).values())


def _places(slot: str, declared: Component, volumes: dict[str, str]) -> dict[str, str]:
    """Return where each volume is mounted, of those that still are declared."""
    return {volume: mount for volume in volumes if (mount := declared.mount(slot, volume))}


def _hooks(hooks: list[Hook]) -> list[list[str]]:
    """Return each hook as a list of words, the script's name first."""
    return [[hook.script, *hook.arguments] for hook in hooks]
