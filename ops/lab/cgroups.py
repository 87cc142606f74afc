"""A control group per host: without one, the systemd of every host would share the same.

A booting host needs a group in the hierarchies that systemd uses: the unified one, and the
one named `systemd` on a machine that still has version 1. What runs in a host is in its
group, so the groups also name every process of a lab.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

JOIN = (
    'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"'
)


def hierarchies() -> list[Path]:
    """Return the mount points of the hierarchies that systemd uses."""
    lines = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [
        Path(place)
        for _, place, kind, options, *_ in lines
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(","))
    ]


def of_lab(lab_id: str) -> list[Path]:
    """Return the lab's group in each hierarchy, made or not."""
    return [place / f"ops-lab-{lab_id}" for place in hierarchies()]


def make(lab_id: str, host: str) -> list[Path]:
    """Make a host's group in each hierarchy and return them."""
    groups = [group / host for group in of_lab(lab_id)]
    for group in groups:
        group.mkdir(parents=True, exist_ok=True)
    return groups


def joining(groups: list[Path], argv: list[str]) -> list[str]:
    """Return the argv that runs a program inside the groups."""
    return ["sh", "-c", JOIN, "sh", *map(str, groups), "--", *argv]


def members(group: Path) -> list[int]:
    """Return the ids of the processes in a group and the groups below it."""
    return sorted({pid for below in _tree(group) for pid in _processes(below)})


def remove(group: Path) -> None:
    """Remove an empty group with all below it; what is in use stays."""
    for below in _tree(group):
        with contextlib.suppress(OSError):
            below.rmdir()


def _tree(group: Path) -> Iterator[Path]:
    """Yield the groups below a group, deepest first, and itself."""
    with contextlib.suppress(OSError):
        for below in group.iterdir():
            if below.is_dir():
                yield from _tree(below)
    if group.is_dir():
        yield group


def _processes(group: Path) -> list[int]:
    try:
        pids = [int(word) for word in (group / "cgroup.procs").read_text().split()]
    except OSError:
        return []
    return [pid for pid in pids if pid]
