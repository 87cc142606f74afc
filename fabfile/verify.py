"""Verification: proof that every file arrived, by checksums of both sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ops.cli import Context, task

if TYPE_CHECKING:
    from ops.inventory.repository import Repository


def _moved() -> tuple[list[str], Mapping[str, str]]:
    from ops.cli import repository
    from ops.verify import checksums

    repo = repository()
    components = repo.components()
    return checksums.candidates(components, {name: repo.state(name) for name in components})


@task(
    app="optional",
    default=True,
    candidates=_moved,
    help={"data": "this data set alone"},
)
def checksums(context: Context, app: str, *, data: str = "", json: bool = False) -> int | None:
    """Read every file on both sides, compare them by path, and record the verdict.

    Same, or same as of the transfer's start: 0. Different: 1, every path named. Files that
    could not be read, or changed while they were read: 4.
    """
    from contextlib import ExitStack

    from ops.cli import output, progress, repository
    from ops.verify import checksums, verdict, wording

    with ExitStack() as shown:
        course, outcomes = checksums.verify(
            repository(),
            app,
            data=data,
            bars=lambda name: shown.enter_context(progress.bar(f"{app}/{name}")).at,
        )
    for each in outcomes:
        judged = each.judgement
        output.say(wording.headline(f"{app}/{each.name}", judged, each.as_of, each.seconds))
        output.say(*(f"  {line}" for line in wording.judgement(judged)))
    output.say(f"  run {course}")
    sets = {each.name: wording.judgement_data(each.judgement, each.as_of) for each in outcomes}
    worst = checksums.overall([each.judgement.verdict for each in outcomes])
    output.document({"component": app, "run": course, "verdict": worst, "sets": sets})
    return verdict.EXIT[worst]


@task(
    help={
        "root": "the folder",
        "out": "FILE: a list for md5sum -c; FILE.mtree holds the metadata",
        "host": "where the folder is: COMPONENT.campus.SLOT or [USER@]HOST[:PORT]",
        "cross_mounts": "enter what is mounted below the root too",
        "exclude": "patterns to leave out, with commas between",
    }
)
def manifest(
    context: Context,
    root: str,
    out: str,
    *,
    host: str = "",
    cross_mounts: bool = False,
    exclude: str = "",
    json: bool = False,
) -> int | None:
    """Write the checksums and metadata of everything below a folder, here or on a host."""
    import os
    from pathlib import Path

    from ops import quantities
    from ops.cli import output, progress
    from ops.verify import lone, scan, wording
    from ops.verify import manifest as files

    repo = _inventory()
    patterns = tuple(filter(None, exclude.split(",")))
    arguments = {"root": root, "out": out, "host": host}
    with lone.host(host, repo, os.environ) as there, progress.bar(root) as bar:
        tree = scan.Tree(
            root if host else lone.checked(root),
            patterns,
            cross=cross_mounts,
            as_root=scan.may_be_root(there),
        )
        with lone.recorded(repo, "verify.manifest", arguments) as course:
            found = scan.scan(there, tree, progress=bar.at)
            files.write(Path(out), found.draft, found.digests)
            if course:
                course.verdict = "incomplete" if found.faults else "done"
                course.figure("manifest", {**files.digests(Path(out)), "files": found.files})
    count, size = quantities.number(found.files), quantities.size(found.size)
    output.say(f"{root}: {count} files, {size}, {quantities.span(found.seconds)}: {out}")
    output.say(*(f"  {wording.fault(fault)}" for fault in found.faults))
    faults = [wording.fault_data(fault) for fault in found.faults]
    output.document(
        {"root": root, "files": found.files, "bytes": found.size, "out": out, "faults": faults}
    )
    return 4 if found.faults else 0


@task(help={"left": "a manifest", "right": "the one held against it"})
def compare(context: Context, left: str, right: str, *, json: bool = False) -> int | None:
    """Compare two manifests by path: missing, extra, different, moved, metadata only.

    Takes md5sum lists made by others too, in any order.
    """
    from ops import quantities
    from ops.cli import output
    from ops.verify import compare, lone, wording

    found = compare.compare(lone.manifest_of(left), lone.manifest_of(right))
    verdict = compare.verdict(found)
    with lone.recorded(_inventory(), "verify.compare", {"left": left, "right": right}) as course:
        if course:
            course.verdict = verdict
            course.figure("compared", {"files": found.files, "counts": compare.counts(found)})
    output.say(f"{verdict}: {quantities.number(found.files)} files the same")
    output.say(*(f"  {line}" for line in wording.comparison(found)))
    output.document(
        {
            "verdict": verdict,
            "files": found.files,
            "counts": compare.counts(found),
            "differences": [wording.data(each) for each in found.differences],
        }
    )
    return {"same": 0, "different": 1, "incomplete": 4}[verdict]


def _inventory() -> Repository | None:
    from ops.cli import repository
    from ops.errors import Refused

    try:
        return repository()
    except Refused:
        return None
