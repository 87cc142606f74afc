"""The plan of a verification: what would be read, how long it takes, and what nobody covers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops import quantities
from ops.errors import OpsError
from ops.escapes import escape
from ops.inventory.schema import DatabaseSet, FileSet
from ops.plan import Plan, Step
from ops.remote.host import Host
from ops.verify import wording
from ops.verify.coverage import uncovered
from ops.verify.filesets import keep, load, tree
from ops.verify.look import Look, Reader, looking
from ops.verify.scan import may_be_root
from ops.verify.seen import recall
from ops.verify.sides import SIDES, Hosts, Side
from ops.verify.tree import Tree, excluded

if TYPE_CHECKING:
    from ops.inventory.repository import Repository

RATE = 200e6
"""Bytes a second that one side reads, as long as nothing was measured."""


Folders = list[bytes]


@dataclass(frozen=True)
class Found:
    """What one side of a data set holds, and what of it would be read."""

    files: int
    bytes: int
    read: int
    not_entered: Folders = field(default_factory=list)


def planned(repo: Repository, name: str, data: str = "", *, full: bool = False) -> Plan:
    """Return the plan of a component's verification, or of the data set `data` alone.

    Hosts are asked, nothing is read. Data sets that were never moved are told as notes. Raise
    OpsError when a host can't be reached or a root is not there.
    """
    sets = repo.component(name).data
    moved = repo.state(name).transfers
    with ExitStack() as stack:
        hosts = Hosts(repo, name, stack)
        steps, notes = [], []
        for each, declared in sorted(sets.items()):
            if data and each != data:
                continue
            if each not in moved:
                notes.append(f"never moved, not verified: {_both(each, declared)}")
            elif isinstance(declared, FileSet):
                steps.append(_files(hosts, each, declared, full=full))
            else:
                steps.append(_database(each, declared))
        notes += _notes(hosts)
    return Plan("verify.checksums", name, tuple(steps), notes=tuple(notes))


def _both(name: str, declared: FileSet | DatabaseSet) -> str:
    """Return both places of a data set in words."""
    if isinstance(declared, FileSet):
        ours, theirs = declared.source, declared.target
        return f"{name}: source {ours.root} on {ours.host}, target {theirs.root} on {theirs.host}"
    where = f"source {declared.source}, target {declared.target}"
    return f"{name}: {declared.engine} {declared.database}, {where}"


def _files(hosts: Hosts, name: str, declared: FileSet, *, full: bool) -> Step:
    found = {side: _found(hosts, name, declared, side, full=full) for side in SIDES}
    places = {"source": declared.source, "target": declared.target}
    rates = {side: _rate(hosts, name, declared, side) for side in SIDES}
    expected = max(found[side].read / rates[side] for side in SIDES)
    told = ", ".join(
        f"{side} {places[side].root} on {places[side].host}:"
        f" {quantities.number(found[side].files)} files, {quantities.size(found[side].bytes)},"
        f" {quantities.size(found[side].read)} to read"
        for side in SIDES
    )
    left = "".join(
        f"; {wording.not_entered(side, folder)}"
        for side in SIDES
        for folder in found[side].not_entered
    )
    return Step(
        "files.verify",
        name,
        f"verify {name}: {told}; about {quantities.span(expected)}{left}",
        {
            **{f"{side}_root": places[side].root for side in SIDES},
            **{f"{side}_files": found[side].files for side in SIDES},
            **{f"{side}_bytes": found[side].bytes for side in SIDES},
            **{f"{side}_read": found[side].read for side in SIDES},
            "seconds": round(expected, 1),
        },
    )


def _database(name: str, declared: DatabaseSet) -> Step:
    words = f"verify {_both(name, declared)}, rows and digests by table"
    return Step("database.verify", name, words, {"database": declared.database})


def _found(hosts: Hosts, name: str, declared: FileSet, side: Side, *, full: bool) -> Found:
    place = declared.source if side == "source" else declared.target
    host = hosts.get(side, place.host)
    seen = look(host, tree(declared, place, host))
    path, where = keep(hosts, name, side, place)
    known = {} if full else recall(path, where).records
    files = seen.files(0, len(seen))
    read = [
        seen.sizes[i] for i in files if known.get(seen.paths[i], (b"",))[0] != seen.identities[i]
    ]
    others = [] if declared.cross_mounts else seen.other_file_systems()
    return Found(len(files), sum(seen.sizes[i] for i in files), sum(read), others)


def _rate(hosts: Hosts, name: str, declared: FileSet, side: Side) -> float:
    """Return the bytes a second that a side is expected to read: as limited, measured, or RATE."""
    place = declared.source if side == "source" else declared.target
    limit = load(hosts, side, place.host).bytes_per_second
    measured = next(_measured(hosts.repo, hosts.component, name, side), RATE)
    return min(limit, measured) if limit else measured


def _measured(repo: Repository, component: str, name: str, side: Side) -> Iterator[float]:
    for run in repo.runs(component, "verify.checksums"):
        figures = repo.record(run).figures.get(name, {})
        size, seconds = figures.get(f"{side}_read_bytes", 0), figures.get("seconds", 0)
        if size > 10e6 and seconds:
            yield size / seconds


def _notes(hosts: Hosts) -> Iterator[str]:
    """Yield a line for each path of the application that no data set covers."""
    component = hosts.repo.component(hosts.component)
    if component.source is None:
        return
    sets = [data for data in component.data.values() if isinstance(data, FileSet)]
    for slot in component.source.hosts:
        roots = [data.source.root.encode() for data in sets if data.source.host == slot]
        for folder in component.source.application:
            host = hosts.get("source", slot)
            try:
                seen = look(host, Tree(folder, cross=True, as_root=may_be_root(host)))
            except OpsError as error:
                yield f"not covered on {slot}: {error.message}"
                continue
            entries = zip(seen.paths, seen.sizes, strict=True)
            for each in uncovered(folder.encode(), entries, roots):
                yield (
                    f"no data set covers {escape(each.path)} on {slot}:"
                    f" {quantities.number(each.files)} files, {quantities.size(each.bytes)}"
                )


def look(host: Host, tree: Tree) -> Look:
    """Return a look at a tree. Raise OpsError when its root can't be looked at."""
    reader = Reader(excluded(tree.exclude))
    command = looking(tree.root, mount=tree.mount, cross=tree.cross, as_root=tree.as_root)
    result = host.run(command, check=False, sink=reader.take)
    return reader.finish(result.code, result.err, tree.root, tree.mount)
