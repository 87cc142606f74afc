"""Decide what the controller's crontab holds: a line a job, made from the inventory. Pure.

Each line runs job.sh, which needs no environment: full paths, a lock a job, a time limit, a
random delay, a log. What a job prints when it fails is mailed by cron. Moments are those of
the controller's own clock, as cron(8) has no other.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.errors import Refused
from ops.inventory.schema import Component, Schedule, State
from ops.inventory.schema.words import seconds


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
    components: Mapping[str, Component], states: Mapping[str, State], settings: Schedule
) -> tuple[Job, ...]:
    """Return the jobs by component, then the one that watches all of them.

    Snapshots are scheduled for provisioned components only, and where cron takes them.
    """
    found = [
        job for name in sorted(components) for job in _of(name, components, states, settings.engine)
    ]
    return (*found, Job("watch", settings.watch, ("backup.watch",)))


def _of(
    name: str, components: Mapping[str, Component], states: Mapping[str, State], engine: str
) -> Iterator[Job]:
    policy = components[name].backup
    if policy is None:
        return
    volumes = any(instance.volumes for instance in states[name].instances.values())
    if volumes and engine == "cron":
        words = ("backup.snapshot", f"app={name}", "backup.prune", f"app={name}", "yes=true")
        yield Job(f"snapshot-{name}", policy.schedule, words)
    if policy.archive and components[name].source:
        yield Job(f"archive-{name}", policy.archive.schedule, ("backup.run", f"app={name}"))


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
