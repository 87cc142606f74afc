"""Decide what a restore restores, and where to: beside the live data, or over it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from ops.backup.archive_plan import plan_archive
from ops.backup.drill_plan import Held
from ops.backup.restic import Archived
from ops.errors import OpsError, UsageError
from ops.inventory.schema import Component, FileSet, State
from ops.plan import Effect, Plan, Step

Kind = Literal["snapshot", "archive"]


def kind_of(declared: Component, state: State, asked: str) -> Kind:
    """Return which backup to restore: as asked, else the cloud's where there is one."""
    if asked == "snapshot" or (asked == "auto" and state.snapshot):
        return "snapshot"
    if declared.backup and declared.backup.archive:
        return "archive"
    raise UsageError("there is neither a snapshot nor an archive to restore from")


def moment(text: str, zone: tzinfo) -> datetime | None:
    """Return the moment that `when=` tells; a day alone means its end. Raise UsageError."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"when={text} is no moment", "Write 2026-11-22 or 2026-11-22T02:15."
        ) from None
    if len(text) == len("2026-11-22"):
        found += timedelta(days=1, microseconds=-1)
    return found if found.tzinfo else found.replace(tzinfo=zone)


def plan_volumes(name: str, declared: Component, found: list[Held], to: str) -> Plan:
    """Return the plan that restores a set of snapshots: each volume to TO/VOLUME of its host.

    With TO the mount of a volume, that volume alone, over what is there. Raise UsageError when
    TO holds live data otherwise.
    """
    mounts = {(one.slot, one.volume): declared.mount(one.slot, one.volume) for one in found}
    over = [one for one in found if mounts[one.slot, one.volume] == to]
    if not over:
        _beside(to, declared, [mount for mount in mounts.values() if mount])
    steps = [
        _copying(one, to if over else f"{to.rstrip('/')}/{one.volume}", over=bool(over))
        for one in over or found
    ]
    notes = ("first: a snapshot of what is there now",) if over else ()
    facts = {"kind": "snapshot", "run": found[0].run, "over": bool(over)}
    return Plan("backup.restore", name, tuple(steps), facts, notes)


def plan_files(name: str, declared: Component, found: list[Archived], to: str) -> Plan:
    """Return the plan that restores archives: each file at its full path below TO of its host.

    With TO the root, over what is there. Raise UsageError when TO holds live data otherwise.
    """
    over = to == "/"
    if not over:
        _beside(to, declared, [])
    trees = {
        str(step.arguments["slot"]): step.arguments["trees"]
        for step in plan_archive(name, declared).steps
        if step.kind == "archive.make"
    }
    effect: Effect = "replace" if over else "add"
    steps = [
        Step(
            "archive.restore",
            one.id,
            f"restore the archive {one.id[:8]} of {one.at:%Y-%m-%d %H:%M} of {one.slot}"
            + (" over the live data" if over else f" to {to}"),
            {
                "archive": one.id,
                "slot": one.slot,
                "run": one.run,
                "to": to,
                "over": over,
                "trees": trees.get(one.slot, {}),
            },
            effect,
        )
        for one in found
    ]
    notes = ("first: an archive of what is there now",) if over else ()
    facts = {"kind": "archive", "run": found[0].run, "over": over}
    return Plan("backup.restore", name, tuple(steps), facts, notes)


def newest(found: Iterable[Archived], name: str, at: datetime | None) -> list[Archived]:
    """Return the archives of the newest run at `at` or before. Raise OpsError when none is."""
    fitting = [one for one in found if at is None or one.at <= at]
    if not fitting:
        raise OpsError(f"{name} has no archive of that time or before")
    run = max(fitting, key=lambda one: one.at).run
    return [one for one in fitting if one.run == run]


def _copying(one: Held, to: str, *, over: bool) -> Step:
    return Step(
        "volume.copy",
        one.id,
        f"restore {one.volume} of {one.slot} as of {one.taken:%Y-%m-%d %H:%M} ({one.id})"
        + (f" over {to}, where it is live" if over else f" to {to}"),
        {
            "snapshot": one.id,
            "slot": one.slot,
            "volume": one.volume,
            "run": one.run,
            "to": to,
            "over": over,
        },
        "replace" if over else "add",
    )


def _beside(to: str, declared: Component, mounts: list[str]) -> None:
    """Refuse a folder that is, or holds, or lies in live data."""
    sets = [data for data in declared.data.values() if isinstance(data, FileSet)]
    roots = [place.root for data in sets for place in (data.source, data.target)]
    holding = [live for live in (*mounts, *roots) if _within(live, to)]
    inside = [root for root in roots if _within(to, root) and root not in mounts]
    for live in (*holding, *inside):
        raise UsageError(
            f"{to} holds live data or lies in it ({live})",
            "Name a new folder beside it. Over it: the mount itself (snapshot), or / (archive).",
        )


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")
