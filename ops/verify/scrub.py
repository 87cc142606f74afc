"""The nightly scrub: a share of the target's files is read again, all of them in time.

What lies still for months may rot unseen. Each night the files that were read longest ago are
read again, as many as make sure that none waits longer than the data set's `reread`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

from ops import run
from ops.errors import OpsError
from ops.inventory.schema import FileSet
from ops.inventory.schema.words import seconds
from ops.verify import manifest
from ops.verify.filesets import Bars, keep, tree
from ops.verify.scan import Keeping, Scan, scan
from ops.verify.seen import Memory
from ops.verify.sides import Hosts
from ops.verify.tree import Progress, unheard

if TYPE_CHECKING:
    from ops.inventory.repository import Repository
    from ops.inventory.schema import Component, State

DAY = 86400

Verdict = Literal["done", "different", "incomplete"]


def candidates(
    components: Mapping[str, Component], states: Mapping[str, State]
) -> tuple[list[str], dict[str, str]]:
    """Return the components whose targets can be scrubbed, and why the others can't."""
    reasons = {name: _hindrance(components[name], states[name]) for name in sorted(components)}
    return [n for n, why in reasons.items() if not why], {n: w for n, w in reasons.items() if w}


def due(now: float, within: float) -> Callable[[Memory], set[bytes]]:
    """Return what chooses the files to read tonight, the longest unread first.

    `now` is the time in seconds, `within` how many seconds no file may wait. One night reads a
    day's share of all bytes, and everything that would be late tomorrow.
    """

    def choose(memory: Memory) -> set[bytes]:
        ordered = sorted(memory.records.items(), key=lambda item: _when(item[1][2]))
        sizes = [int(record[0].split(b" ", 3)[2]) + 1 for _, record in ordered]
        left = sum(sizes) * min(1.0, DAY / within)
        chosen = set()
        for (path, record), size in zip(ordered, sizes, strict=True):
            if left <= 0 and _when(record[2]) > now + DAY - within:
                break
            chosen.add(path)
            left -= size
        return chosen

    return choose


def scrub(
    repo: Repository, name: str, *, bars: Bars | None = None
) -> tuple[str, Verdict, dict[str, Scan]]:
    """Scrub a component's targets; return the run, its verdict and the scans by data set.

    Raise OpsError when there is nothing to scrub or a host can't be reached.
    """
    component = repo.component(name)
    if why := _hindrance(component, repo.state(name)):
        raise OpsError(f"{name} {why}")
    with run.begin(repo, "verify.scrub", name) as course, ExitStack() as stack:
        hosts = Hosts(repo, name, stack)
        found = {
            each: _scrubbed(course, hosts, each, declared, (bars or (lambda _: unheard))(each))
            for each, declared in sorted(component.data.items())
            if isinstance(declared, FileSet)
        }
        course.verdict = verdict = _verdict(found)
    return course.id, verdict, found


def _scrubbed(
    course: run.Run, hosts: Hosts, name: str, declared: FileSet, progress: Progress
) -> Scan:
    host = hosts.get("target", declared.target.host)
    path, place = keep(hosts, name, "target", declared.target)
    choose = due(time.time(), seconds(declared.reread))
    found = scan(
        host,
        tree(declared, declared.target, host),
        progress=progress,
        keeping=Keeping(path, place, "quick", choose),
    )
    listed = course.directory / f"{name}.target.md5"
    manifest.write(listed, found.draft, found.digests)
    course.attach(listed)
    course.attach(manifest.beside(listed, manifest.MTREE))
    figures = {
        "files": found.files,
        "bytes": found.size,
        "read_files": found.read_files,
        "read_bytes": found.read_size,
        "corrupted": len(found.corrupted),
        "unreadable": len(found.faults),
        "seconds": round(found.seconds, 3),
    }
    course.figure(name, figures)
    return found


def _verdict(found: Mapping[str, Scan]) -> Verdict:
    if any(one.corrupted for one in found.values()):
        return "different"
    return "incomplete" if any(one.faults for one in found.values()) else "done"


def _hindrance(component: Component, state: State) -> str:
    sets = [data for data in component.data.values() if isinstance(data, FileSet)]
    if not sets:
        return "has no data sets of files"
    if any(data.target.host not in state.instances for data in sets):
        return "is not provisioned"
    return ""


def _when(stamp: bytes) -> int:
    return int(stamp) if stamp.isdigit() else 0
