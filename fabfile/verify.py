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
    help={"data": "this data set alone", "full": "read what lay still since last time again"},
)
def checksums(
    context: Context,
    app: str,
    *,
    data: str = "",
    full: bool = False,
    plan: bool = False,
    json: bool = False,
) -> int | None:
    """Read every file on both sides, compare them by path, and record the verdict.

    Same, or same as of the transfer's start: 0. Different: 1, every path named. Files that
    could not be read, or changed while they were read, and data sets never moved: 4.
    """
    from contextlib import ExitStack

    from ops.cli import output, progress, repository
    from ops.verify import checksums, planning, verdict, wording

    repo = repository()
    if plan:
        checksums.chosen(app, repo.component(app), repo.state(app), data)
        decided = planning.planned(repo, app, data, full=full)
        output.say(*decided.lines())
        output.document(decided.data())
        return 0
    with ExitStack() as shown:
        course, outcomes = checksums.verify(
            repo,
            app,
            data=data,
            full=full,
            bars=lambda name: shown.enter_context(progress.bar(f"{app}/{name}")).at,
        )
    for each in outcomes:
        judged = each.judgement
        name = f"{app}/{each.name}"
        output.say(wording.headline(name, judged, each.as_of, each.seconds, each.read))
        output.say(*(f"  {line}" for line in wording.judgement(judged)))
    left = checksums.unmoved(repo.component(app), repo.state(app), data)
    output.say(*(f"{app}/{name}: {checksums.NEVER_MOVED}" for name in left))
    output.say(f"  run {course}")
    sets = {each.name: wording.judgement_data(each.judgement, each.as_of) for each in outcomes}
    worst = checksums.concluded(outcomes, left)
    output.document(
        {"component": app, "run": course, "verdict": worst, "sets": sets, "never_moved": left}
    )
    return verdict.EXIT[worst]


@task(
    help={
        "root": "the folder",
        "out": "FILE: a list for md5sum -c; FILE.mtree holds the metadata",
        "host": "where the folder is: COMPONENT.campus.SLOT or [USER@]HOST[:PORT]",
        "cross_mounts": "enter what is mounted below the root too",
        "exclude": "patterns to leave out, with commas between",
        "full": "read what lay still since FILE was made again",
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
    full: bool = False,
    json: bool = False,
) -> int | None:
    """Write the checksums and metadata of everything below a folder, here or on a host."""
    import os

    from ops import quantities
    from ops.cli import output, progress
    from ops.escapes import escape
    from ops.verify import lone, scan, wording
    from ops.verify import manifest as files
    from ops.verify import tree as trees

    repo = _inventory()
    patterns = tuple(filter(None, exclude.split(",")))
    with lone.host(host, repo, os.environ) as there, progress.bar(root) as bar:
        tree = trees.Tree(
            lone.checked(root, host),
            patterns,
            cross=cross_mounts,
            as_root=scan.may_be_root(there),
        )
        path = lone.writable(out, tree.root, host)
        arguments = {"root": tree.root, "out": str(path.absolute()), "host": host}
        arguments = {name: escape(word) for name, word in arguments.items()}
        with lone.recorded(repo, "verify.manifest", arguments) as course:
            look = files.beside(path, files.LOOK)
            where = lone.remembered(host, repo, there, tree.root)
            keeping = scan.Keeping(look, where, "full" if full else "quick")
            load = lone.allowed(host, repo)
            found = scan.scan(there, tree, load=load, progress=bar.at, keeping=keeping)
            files.write(path, found.draft, found.digests)
            if course:
                course.verdict = lone.outcome(found)
                told = {"files": found.files, "bytes": found.size, "faults": len(found.faults)}
                course.figure("manifest", {**told, "sha256": lone.digests(path)})
    count, size = quantities.number(found.files), quantities.size(found.size)
    share = "" if found.share >= 1 else f", {found.share:.0%} of it read again"
    output.say(f"{root}: {count} files, {size}{share}, {quantities.span(found.seconds)}: {out}")
    output.say(*(f"  {wording.fault(fault)}" for fault in (*found.corrupted, *found.faults)))
    output.document(
        {
            "root": root,
            "files": found.files,
            "bytes": found.size,
            "read_bytes": found.read_size,
            "out": out,
            "corrupted": [wording.fault_data(fault) for fault in found.corrupted],
            "faults": [wording.fault_data(fault) for fault in found.faults],
        }
    )
    return {"different": 1, "incomplete": 4, "done": 0}[lone.outcome(found)]


@task(help={"left": "a manifest", "right": "the one held against it"})
def compare(context: Context, left: str, right: str, *, json: bool = False) -> int | None:
    """Compare two manifests by path: missing, extra, different, moved, metadata only.

    Takes md5sum lists made by others too, in any order.
    """
    from ops import quantities
    from ops.cli import output
    from ops.escapes import escape
    from ops.verify import compare, differences, lone, wording

    pair = lone.manifest_of(left), lone.manifest_of(right)
    found = compare.compare(*pair)
    verdict = differences.verdict(found)
    arguments = {"left": escape(left), "right": escape(right)}
    with lone.recorded(_inventory(), "verify.compare", arguments) as course:
        if course:
            course.verdict = verdict
            told = {"files": found.files, "counts": differences.counts(found)}
            course.figure("compared", {**told, "sha256": lone.digests(*pair)})
    output.say(f"{verdict}: {quantities.number(found.files)} files the same")
    output.say(*(f"  {line}" for line in wording.comparison(found)))
    output.document(
        {
            "verdict": verdict,
            "files": found.files,
            "counts": differences.counts(found),
            "differences": [wording.data(each) for each in found.differences],
        }
    )
    return {"same": 0, "different": 1, "incomplete": 4}[verdict]


@task(help={"run": "the run, as the verification told it"})
def evidence(context: Context, run: str, *, json: bool = False) -> int | None:
    """Check the proof of an earlier run, offline: signature, digests, manifests.

    0: all holds. 1: something was changed since. 4: manifests were cleared away.
    """
    from ops import quantities
    from ops.cli import output, repository
    from ops.verify import evidence

    found = evidence.check(repository(), run)
    output.say(f"{run}: {found.record.verdict}, signed by {found.signer}")
    output.say(*(f"  unchanged {name}" for name in found.unchanged))
    output.say(*(f"  cleared away {name}" for name in found.missing))
    for name, count in sorted(found.proven.items()):
        output.say(f"  {name}: {quantities.number(count)} the same, compared anew")
    output.document(
        {
            "run": run,
            "verdict": found.record.verdict,
            "signer": found.signer,
            "unchanged": found.unchanged,
            "missing": found.missing,
            "proven": found.proven,
        }
    )
    return 4 if found.missing else 0


def _scrubbed() -> tuple[list[str], Mapping[str, str]]:
    from ops.cli import repository
    from ops.verify import scrub

    repo = repository()
    components = repo.components()
    return scrub.candidates(components, {name: repo.state(name) for name in components})


@task(app="optional", candidates=_scrubbed)
def scrub(context: Context, app: str, *, json: bool = False) -> int | None:
    """Read a share of the target's files again, so that all are read in time: for cron.

    Content that changed under unchanged metadata is silent corruption: 1, every path named.
    """
    from contextlib import ExitStack

    from ops import quantities
    from ops.cli import output, progress, repository
    from ops.verify import scrub, wording

    with ExitStack() as shown:
        run, verdict, found = scrub.scrub(
            repository(),
            app,
            bars=lambda name: shown.enter_context(progress.bar(f"{app}/{name}")).at,
        )
    for name, one in found.items():
        read, size = quantities.size(one.read_size), quantities.size(one.size)
        output.say(f"{app}/{name}: read {read} of {size}, {quantities.span(one.seconds)}")
        output.say(*(f"  {wording.fault(fault)}" for fault in (*one.corrupted, *one.faults)))
    output.say(f"  run {run}")
    sets = {
        name: {
            "files": one.files,
            "bytes": one.size,
            "read_bytes": one.read_size,
            "corrupted": [wording.fault_data(fault) for fault in one.corrupted],
            "faults": [wording.fault_data(fault) for fault in one.faults],
        }
        for name, one in found.items()
    }
    output.document({"component": app, "run": run, "verdict": verdict, "sets": sets})
    return {"done": 0, "different": 1, "incomplete": 4}[verdict]


def _inventory() -> Repository | None:
    import os

    from ops.cli import repository
    from ops.cli.place import PROJECT
    from ops.errors import Refused
    from ops.verify import lone

    if not lone.may_be_configured(os.environ, PROJECT):
        return None

    try:
        return repository()
    except Refused:
        return None
