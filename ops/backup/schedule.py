"""Decide what the controller's crontab holds: a line a job, made from the inventory. Pure.

Each line runs job.sh, which needs no environment: full paths, a lock a job, a time limit, a
random delay, a log. What a job prints when it fails is mailed by cron. Moments are those of
the controller's own clock, as cron(8) has no other.
"""

from __future__ import annotations

import shlex
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.errors import Refused
from ops.inventory.schema import Component, Schedule, State
from ops.inventory.schema.words import seconds

_FORTNIGHT = 14 * 86400


@dataclass(frozen=True)
class Place:
    """Where the suite and its inventory are on the controller, and whose crontab it is."""

    fab: Path
    project: Path
    inventory: Path
    account: str


@dataclass(frozen=True)
class Job:
    """Something that cron runs: the name of its lock, when, and the words after `fab`."""

    name: str
    when: str
    words: tuple[str, ...]


def jobs(
    components: Mapping[str, Component],
    states: Mapping[str, State],
    settings: Schedule,
    *,
    drills: bool = False,
) -> tuple[Job, ...]:
    """Return the jobs by component, then the one that watches all of them.

    Snapshots are scheduled for provisioned components only, as long as they are not given up, and
    where cron takes them. With
    `drills`, which need a scratch host, each component with backups proves them in time.
    """
    found = [
        job
        for name in sorted(components)
        for job in _of(name, components, states, settings.engine, drills=drills)
    ]
    return (*found, Job("watch", settings.watch, ("backup.watch",)))


def _of(
    name: str,
    components: Mapping[str, Component],
    states: Mapping[str, State],
    engine: str,
    *,
    drills: bool,
) -> Iterator[Job]:
    policy = components[name].backup
    if policy is None:
        return
    given_up = states[name].retirement is not None
    volumes = not given_up and any(one.volumes for one in states[name].instances.values())
    if volumes and engine == "cron":
        taken = ("backup.snapshot", f"app={name}", "backup.prune", f"app={name}", "yes=true")
        yield Job(f"snapshot-{name}", policy.schedule, taken)
    archived = policy.archive if components[name].source else None
    if archived:
        pruned = ("backup.prune", f"app={name}", "archives=true", "yes=true")
        words = ("backup.run", f"app={name}", *(pruned if archived.prune else ()))
        yield Job(f"archive-{name}", archived.schedule, words)
    if drills and ((volumes and engine == "cron") or archived):
        when = _drill_time(name, seconds(policy.drill))
        only = ("kind=archive",) if engine == "dlm" else ()
        yield Job(f"drill-{name}", when, ("backup.drill", f"app={name}", *only))


def _drill_time(name: str, limit: int) -> str:
    """Return when a component proves its backups: weekly, or daily where that is asked for.

    Components share a scratch host, so each has a minute and a weekday of its own, and waits there
    for the ones before it.
    """
    mark = zlib.crc32(name.encode())
    return f"{mark % 60} 5 * * {'*' if limit < _FORTNIGHT else mark // 60 % 7}"


def lines(found: Sequence[Job], place: Place, settings: Schedule) -> list[str]:
    """Return the lines of the crontab for these jobs.

    Raise Refused when a path has a character that cron gives a meaning to.
    """
    for path in (place.fab, place.project, place.inventory, log(place.inventory, settings)):
        if any(character in str(path) for character in "%\n\\"):
            raise Refused(f"{path}: cron can't run what has such a name", "Move it elsewhere.")
    return [_line(job, place, settings) for job in found]


def log(inventory: Path, settings: Schedule) -> Path:
    """Return the file that jobs log to."""
    return Path(settings.log) if settings.log else inventory / "var/log/schedule.log"


def _line(job: Job, place: Place, settings: Schedule) -> str:
    words = [
        str(place.project / "ops/backup/job.sh"),
        str(place.inventory / "var/locks" / f"job-{job.name}.lock"),
        str(log(place.inventory, settings)),
        str(seconds(settings.limit)),
        str(seconds(settings.jitter)),
        str(place.fab),
        "-r",
        str(place.project),
        *job.words,
    ]
    inventory = shlex.quote(str(place.inventory))
    return f"{job.when} OPS_INVENTORY={inventory} {shlex.join(words)}"
