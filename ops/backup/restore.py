"""Restore a backup beside the live data, or over it after a backup of what is there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ops import run
from ops.backup import (
    archive,
    archives,
    drill,
    drill_plan,
    restore_archive,
    restore_ground,
    restore_plan,
    restore_volume,
    snapshot,
)
from ops.backup.drill_evidence import Evidence
from ops.backup.plan import plan_snapshot
from ops.backup.prune import time_zone
from ops.errors import OpsError, UsageError
from ops.plan import Plan, Step
from ops.remote.command import Command, script

if TYPE_CHECKING:
    from ops.cloud.calls import Wait
    from ops.inventory.repository import Repository
    from ops.remote.host import Host

_USED = 'df -B1 --output=used -- "$1" | tail -n 1'
_COPY = r"""
PATH=/usr/sbin:/usr/bin:/sbin:/bin
from=$1 to=$2 over=$3
command -v rsync >/dev/null || { echo 'rsync is not installed' >&2; exit 1; }
set --
if [ "$over" = over ]; then
  mountpoint -q -- "$to" || { echo "$to is not mounted: what would be written over?" >&2; exit 1; }
  set -- --delete
  # what is mounted below is another's: its own root directory keeps owner and mode, too
  while read -r _ place _; do
    place=$(printf %b "$(printf %s "$place" | sed 's/\\/\\0/g')")
    case $place in "$to"/?*) ;; *) continue ;; esac
    set -- "$@" "--exclude=$(printf %s "${place#"$to"}" | sed 's/[][*?]/\\&/g')"
  done </proc/self/mounts
fi
exec rsync -aHAXx --numeric-ids "$@" -- "$from/" "$to/"
"""


@dataclass
class Done:
    """What came of a restore: where to, and how it differs from the backup's manifest.

    `uncompared` says why a part has no manifest to be held against.
    """

    run: str
    places: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    uncompared: list[str] = field(default_factory=list)


def plan(repo: Repository, name: str, to: str, *, when: str = "", kind: str = "auto") -> Plan:
    """Return what would be restored, from which backup, and where to.

    Raise UsageError for a folder that holds live data, OpsError when there is no such backup.
    """
    if not to.startswith("/") or ".." in to.split("/"):
        raise UsageError(f"to={to} is no path from the root of the host")
    to = to.rstrip("/") or "/"
    declared, at = repo.component(name), restore_plan.moment(when, time_zone(repo))
    if restore_plan.kind_of(declared, repo.state(name), kind) == "snapshot":
        cloud = run.cloud(repo)
        try:
            found = drill_plan.newest(drill.held(cloud, name), name, at)
        finally:
            cloud.close()
        return restore_plan.plan_volumes(name, declared, found, to)
    slot = next(iter(declared.source.hosts)) if declared.source else "main"
    with run.host(repo, name, "campus", slot) as host:
        listed = archives.listed(repo, name, host)
    return restore_plan.plan_files(name, declared, restore_plan.newest(listed, name, at), to)


def copying(volume: str, to: str, *, over: bool) -> Command:
    """Return the command that copies a volume's mount to a folder, or over a live mount.

    Over it, what the volume does not hold goes; file systems mounted below stay as they are.
    """
    return script(_COPY, volume, to, "over" if over else "", root=True)


def restore(
    repo: Repository,
    name: str,
    decided: Plan,
    *,
    tell: Callable[[Step], None] | None = None,
    patience: Wait | None = None,
) -> Done:
    """Carry out a plan; where it goes over live data, back up first what is there.

    Nothing is restored when that backup fails.
    """
    if decided.facts["over"]:
        _save(repo, name, str(decided.facts["kind"]), patience)
    with run.begin(repo, "backup.restore", name, dict(decided.facts)) as r, ExitStack() as stack:
        work = _Restoring(repo, name, r, stack, patience)
        r.carry_out(
            decided,
            {"volume.copy": work.copy, "archive.restore": work.unpack},
            tell=tell,
        )
        r.verdict = "different" if work.done.differences else "done"
        return work.done


def _save(repo: Repository, name: str, kind: str, patience: Wait | None) -> None:
    if kind == "archive":
        archive.make(repo, name, archive.plan(repo, name))
        return
    decided = plan_snapshot(name, repo.component(name), repo.state(name))
    snapshot.take(repo, name, decided, patience=patience)


class _Restoring:
    """The performers of one restore."""

    def __init__(
        self, repo: Repository, name: str, r: run.Run, stack: ExitStack, patience: Wait | None
    ) -> None:
        self.repo, self.name, self.run = repo, name, r
        self.stack, self.patience = stack, patience
        self.done = Done(r.id)

    def copy(self, step: Step) -> run.Facts:
        """Copy a volume made from a snapshot, and remove the volume."""
        told: Any = step.arguments
        to, where = told["to"], (self.name, told["slot"])
        with restore_ground.ground(self.repo, where, self.run.id, self.name, self.patience) as g:
            restore_volume.sweep(g)
            remember = self.run.remember
            with restore_volume.restored(g, told["snapshot"], lambda v: remember(volume=v)) as one:
                if not told["over"]:
                    used = int(g.host.run(script(_USED, one.mount, root=True)).out)
                    restore_archive.fresh(g.host, to, used)
                asked = copying(one.mount, to, over=told["over"])
                g.host.run(asked, timeout=archives.LONG)
            part = f"{told['slot']}.{told['volume']}"
            self._compare(g.host, told["run"], part, to)
        return {"to": to}

    def unpack(self, step: Step) -> run.Facts:
        """Restore an archive by restic."""
        told: Any = step.arguments
        host = self.stack.enter_context(run.host(self.repo, self.name, "campus", told["slot"]))
        way = archives.way(self.repo, archives.declared(self.repo, self.name))
        restore_archive.restore(host, way, told["archive"], told["to"], over=told["over"])
        for each, tree in told["trees"].items():
            root = told["to"].rstrip("/") + tree["root"]
            self._compare(host, told["run"], f"{told['slot']}.{each}", root, tree["exclude"])
        return {"to": told["to"]}

    def _compare(
        self, host: Host, backup: str, part: str, root: str, exclude: tuple[str, ...] = ()
    ) -> None:
        """Hold what was restored against the backup's manifest, where that is still there."""
        evidence = Evidence(self.repo, self.run, host)
        self.done.places.append(f"{host.name}:{root}")
        slot, _, name = part.partition(".")
        try:
            listed = evidence.manifest(backup, slot, name)
        except OpsError as error:
            self.done.uncompared.append(f"{part}: {error.message}")
            return
        evidence.compare(part, listed, root, tuple(exclude))
        self.done.differences += evidence.lines
