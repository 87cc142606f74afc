"""What a transfer is going to do: decided from the declared data sets and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from ops import quantities
from ops.errors import Incomplete, Refused
from ops.inventory.schema import Component, DatabaseSet, FileSet
from ops.plan import Plan, Step


@dataclass(frozen=True)
class SourceFacts:
    """What the source has of a data set.

    `allocated` is what its files take on the disk: less than `bytes` where they are sparse.
    `unreadable` are what the count could not look into.
    """

    mounted: bool
    found: bool
    files: int = 0
    entries: int = 0
    bytes: int = 0
    allocated: int = 0
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetFacts:
    """What the target's root holds already, and how much more its file system takes.

    `files` counts all but folders, lost+found and what unfinished runs of ours left aside.
    `free_entries` is None where the file system has no fixed number of them.
    """

    mounted: bool
    found: bool
    files: int = 0
    bytes: int = 0
    allocated: int = 0
    free_bytes: int = 0
    free_entries: int | None = None


@dataclass(frozen=True)
class Facts:
    """Both ends of a data set; `own` says that a recorded run of ours has written the target."""

    source: SourceFacts
    target: TargetFacts
    own: bool = False


@dataclass(frozen=True)
class DatabaseFacts:
    """What the target's database holds; of one that is our `own` nobody asked."""

    rows: int = 0
    own: bool = False


def decide(
    name: str,
    component: Component,
    found: Mapping[str, Facts | DatabaseFacts],
    *,
    allow_existing: int = 0,
) -> Plan:
    """Return the plan that moves the component's data; `found` has the facts by data set.

    Raise Refused when a declared mount is not mounted, the source's root is missing, or the
    target holds more than `allow_existing` files or rows that are not ours. Raise Incomplete when
    the target has no room.
    """
    steps: list[Step] = []
    notes: list[str] = []
    for each, data in component.data.items():
        facts = found[each]
        if isinstance(data, DatabaseSet) and isinstance(facts, DatabaseFacts):
            _check_rows(name, each, data, facts, allow_existing)
            steps.append(_database(each, data))
        elif isinstance(data, FileSet) and isinstance(facts, Facts):
            _check_source(name, each, data, facts.source)
            _check_target(name, each, data, facts, allow_existing)
            _check_room(name, each, data, facts)
            steps += _steps(each, data, facts)
            notes += _notes(each, facts)
    return Plan(
        "migrate.metered",
        name,
        tuple(steps),
        {n: asdict(f) for n, f in found.items()},
        tuple(notes),
    )


def needs(facts: Facts) -> int:
    """Return the bytes that the target still has to take, at the least.

    Sizes tell too much of sparse files, blocks too much where some are excluded: the smaller
    difference counts.
    """
    source, target = facts.source, facts.target
    return max(0, min(source.bytes - target.bytes, source.allocated - target.allocated))


def to_come(facts: Facts) -> tuple[int, int]:
    """Return about how many bytes and files are to be sent, before both ends are listed."""
    return needs(facts), max(0, facts.source.files - facts.target.files)


def amount(files: int, size: int) -> str:
    """Return files and bytes: 20,000 files, 1.2 GB."""
    counted = "1 file" if files == 1 else f"{quantities.number(files)} files"
    return f"{counted}, {quantities.size(size)}"


def _check_source(name: str, each: str, data: FileSet, source: SourceFacts) -> None:
    where = f"{name}.campus.{data.source.host}"
    if not source.mounted:
        raise Refused(
            f"{name}/{each}: {data.source.root} on {where} does not lie on a mounted "
            f"{data.source.mount}",
            "An unmounted disk is no empty source: mount it, or correct the declared mount.",
        )
    if not source.found:
        raise Refused(
            f"{name}/{each}: there is no folder {data.source.root} on {where}",
            "Correct the data set's source, or mount what is missing there.",
        )


def _check_target(name: str, each: str, data: FileSet, facts: Facts, allow_existing: int) -> None:
    where = f"{name}.cloud.{data.target.host}"
    if not facts.target.mounted:
        raise Refused(
            f"{name}/{each}: {data.target.root} on {where} does not lie on a mounted "
            f"{data.target.mount}",
            f"Look at it with `fab provision app={name} plan=true`.",
        )
    if not facts.own and facts.target.files > allow_existing:
        raise Refused(
            f"{name}/{each}: {data.target.root} on {where} already holds "
            f"{quantities.number(facts.target.files)} files that no recorded run moved there",
            f"Look at them; to put the data set over them say allow-existing={facts.target.files}.",
        )


def _check_rows(
    name: str, each: str, data: DatabaseSet, facts: DatabaseFacts, allow_existing: int
) -> None:
    if not facts.own and facts.rows > allow_existing:
        raise Refused(
            f"{name}/{each}: {data.database} on {name}.cloud.{data.target} already holds "
            f"{quantities.number(facts.rows)} rows that no recorded run moved there",
            f"Look at them; to replace them say allow-existing={facts.rows}.",
        )


def _check_room(name: str, each: str, data: FileSet, facts: Facts) -> None:
    where = f"{data.target.root} on {name}.cloud.{data.target.host}"
    target = facts.target
    if needs(facts) > target.free_bytes:
        raise Incomplete(
            f"{name}/{each}: {quantities.size(needs(facts))} more are to come than fit into "
            f"{where}, where {quantities.size(target.free_bytes)} are free",
            "Make the volume larger, or exclude what need not move; then run it again.",
        )
    entries = facts.source.entries - target.files
    if target.free_entries is not None and entries > target.free_entries:
        raise Incomplete(
            f"{name}/{each}: {quantities.number(entries)} entries are to come, but the file system "
            f"of {where} takes {quantities.number(target.free_entries)} more",
            "Make the volume larger, or its file system xfs; then run it again.",
        )


def _steps(each: str, data: FileSet, facts: Facts) -> Iterator[Step]:
    if not facts.target.found:
        yield Step(
            "root.make",
            each,
            f"{each}: make {data.target.root} on the target",
            {"root": data.target.root, "host": data.target.host},
        )
    yield Step(
        "files.move",
        each,
        f"{each}: {amount(facts.source.files, facts.source.bytes)} "
        f"from {data.source.host}:{data.source.root} to {data.target.host}:{data.target.root}",
        {
            "source": [data.source.host, data.source.root],
            "target": [data.target.host, data.target.root],
            "exclude": data.exclude,
            "cross_mounts": data.cross_mounts,
        },
    )


def _database(each: str, data: DatabaseSet) -> Step:
    return Step(
        "database.move",
        each,
        f"{each}: dump {data.engine} {data.database} on {data.source}, move it to {data.target}, "
        "load it there, and compare",
        {
            "engine": data.engine,
            "database": data.database,
            "source": data.source,
            "target": data.target,
            "hooks": [data.dump.script, data.load.script, data.digest.script],
        },
    )


def _notes(each: str, facts: Facts) -> Iterator[str]:
    target = facts.target
    yield f"{each}: {quantities.size(target.free_bytes)} free on the target"
    if target.files:
        whose = "of earlier runs" if facts.own else "allowed by allow-existing"
        yield (
            f"{each}: {quantities.number(target.files)} files {whose} are there; "
            "only what differs is sent"
        )
    if not facts.source.files:
        yield f"{each}: the source is empty"
    for path in facts.source.unreadable:
        yield f"{each}: can't be read on the source: {path}"
