"""Decide what a run archives of a component's campus side: databases dumped, then all. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ops.errors import UsageError
from ops.inventory.schema import Archive, ArchiveState, Component, DatabaseSet, FileSet
from ops.plan import Plan, Step

DUMPS = "dumps"
"""Stands for the folder of dumps among the parts of an archive."""


def plan_archive(name: str, declared: Component, before: ArchiveState | None = None) -> Plan:
    """Return the plan of one run; the archive `before` says which part is read back now.

    A component that declares no archive has nothing to do. Raise UsageError when it declares
    one, but no data set.
    """
    archive = declared.backup.archive if declared.backup else None
    if archive is None:
        return Plan("backup.run", name, notes=("no archive is declared",))
    if not declared.data:
        raise UsageError(
            f"{name} declares an archive, but no data set",
            f"Name what is to be archived under `data:` in components/{name}.yaml.",
        )
    slots = sorted({_slot(data) for data in declared.data.values()})
    steps = [
        *(step for slot in slots for step in _dumps(name, declared, archive, slot)),
        *(_archiving(name, declared, archive, slot) for slot in slots),
        _reading(archive, slots[0], before),
    ]
    return Plan("backup.run", name, tuple(steps), {"repository": archive.repository})


def folder_of_dumps(name: str, archive: Archive) -> str:
    """Return the folder on the host that a component's databases are dumped into."""
    return f"{archive.dumps}/{name}"


def _slot(data: FileSet | DatabaseSet) -> str:
    return data.source.host if isinstance(data, FileSet) else data.source


def _dumps(name: str, declared: Component, archive: Archive, slot: str) -> Iterator[Step]:
    for each, data in sorted(declared.data.items()):
        if isinstance(data, DatabaseSet) and data.source == slot:
            to = f"{folder_of_dumps(name, archive)}/{each}.dump"
            yield Step(
                "database.dump",
                each,
                f"dump {data.database} ({data.engine}) to {to} on {slot}, and check the dump",
                {
                    "slot": slot,
                    "engine": data.engine,
                    "script": data.dump.script,
                    "arguments": list(data.dump.arguments),
                    "to": to,
                    "least": archive.least,
                },
            )


def _archiving(name: str, declared: Component, archive: Archive, slot: str) -> Step:
    here = {each: data for each, data in declared.data.items() if _slot(data) == slot}
    trees = {
        each: {
            "root": data.source.root,
            "mount": data.source.mount or "",
            "exclude": list(data.exclude),
            "cross": data.cross_mounts,
        }
        for each, data in sorted(here.items())
        if isinstance(data, FileSet)
    }
    if any(isinstance(data, DatabaseSet) for data in here.values()):
        dumps = folder_of_dumps(name, archive)
        trees[DUMPS] = {"root": dumps, "mount": "", "exclude": [], "cross": False}
    roots = ", ".join(str(tree["root"]) for tree in trees.values())
    return Step(
        "archive.make",
        slot,
        f"archive {roots} of {slot} to {archive.repository}",
        {"slot": slot, "trees": trees},
    )


def _reading(archive: Archive, slot: str, before: ArchiveState | None) -> Step:
    part = _part(archive, before)
    words = f"read part {part.replace('/', ' of ')} of the repository back"
    return Step("archive.check", archive.repository, words, {"slot": slot, "part": part})


def _part(archive: Archive, before: ArchiveState | None) -> str:
    """Return the part to be read: the one that could not be, until it can; else the next one."""
    if before is None or before.repository != archive.repository:
        return f"1/{archive.parts}"
    if before.unsound:
        return before.unsound.part
    return f"{before.part % archive.parts + 1}/{archive.parts}"
