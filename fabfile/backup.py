"""Backups, and the proof that they restore."""

from typing import Literal

from ops.cli import Context, task
from ops.errors import OpsError, UsageError, worst


def _ahead() -> None:
    from ops.cloud.session import read_ahead

    read_ahead("ops.backup.snapshot", "ops.remote.connection")


@task(app="many", ahead=_ahead)
def snapshot(
    context: Context, app: str, *, plan: bool = False, expect: str = "", json: bool = False
) -> int | None:
    """Snapshot the component's data volumes, all of an instance in one moment."""
    from ops.backup import snapshot
    from ops.backup.plan import plan_snapshot
    from ops.cli import output, repository, settle

    repo = repository()
    decided = plan_snapshot(app, repo.component(app), repo.state(app))
    if not settle(decided, show=plan, expect=expect):
        return 0
    taken = snapshot.take(repo, app, decided)
    ids = ", ".join(f"{volume} {made}" for volume, made in sorted(taken.ids.items()))
    output.say(f"{app}: {taken.level} consistent, complete: {ids}")
    if taken.level != decided.facts["level"]:
        output.say(f"  not {decided.facts['level']} consistent, as declared: {taken.because}")
    if taken.unlisted:
        output.say(f"  without a manifest, so no drill can prove it: {taken.unlisted}")
    output.say(f"  run {taken.run}")
    output.document(taken.model_dump(mode="json"))
    return 0


@task(app="many")
def run(
    context: Context, app: str, *, plan: bool = False, expect: str = "", json: bool = False
) -> int | None:
    """Archive the component's campus side by restic: databases dumped and checked, then all.

    The host may only add to the repository; a declared part of it is read back each time.
    """
    from ops import quantities
    from ops.backup import archive
    from ops.cli import output, repository, settle

    repo = repository()
    decided = archive.plan(repo, app)
    if not settle(decided, show=plan, expect=expect):
        return 0
    made = archive.make(repo, app, decided)
    ids = ", ".join(f"{slot} {one[:8]}" for slot, one in sorted(made.ids.items()))
    size = f"{quantities.number(made.files)} files, {quantities.size(made.bytes)}"
    output.say(f"{app}: archived {size}: {ids}", f"  run {made.run}")
    output.document(made.model_dump(mode="json"))
    return 0


@task(
    app="many",
    asks=True,
    ahead=_ahead,
    help={
        "allow_deletes": "delete up to this many, above the limit",
        "archives": "the campus side's archives instead of snapshots",
    },
)
def prune(
    context: Context,
    app: str,
    *,
    archives: bool = False,
    plan: bool = False,
    expect: str = "",
    yes: bool = False,
    allow_deletes: int = 0,
    json: bool = False,
) -> int | None:
    """Delete the snapshots that no rule of the policy keeps any more; the plan says why.

    Only what this suite made and tagged; never the newest proven set, never what an image is
    made of, never the last snapshot of a volume. No rule: nothing goes.
    """
    from ops.backup import prune, prune_archives
    from ops.cli import output, repository, settle
    from ops.plan import limit

    repo = repository()
    chosen, what = (prune_archives, "archive") if archives else (prune, "snapshot")
    decided = chosen.plan(repo, app)
    if not plan:
        most = max(allow_deletes, repo.site().limits.deletes)
        limit(decided, ["delete"], most, "allow-deletes")
    if not settle(decided, show=plan, expect=expect, yes=yes):
        return 0
    count = chosen.prune(repo, app, decided)
    output.say(f"{app}: {count} {what}{'' if count == 1 else 's'} deleted")
    output.document({**decided.data(), "deleted": count})
    return 0


@task(app="many", one_after_another=True, help={"kind": "drill only these backups"})
def drill(
    context: Context,
    app: str,
    *,
    kind: Literal["both", "snapshot", "archive"] = "both",
    plan: bool = False,
    expect: str = "",
    json: bool = False,
) -> int | None:
    """Prove that the newest backup restores: every file compared, the data asked, all removed.

    The scratch host of site.yaml gets volumes made from the newest snapshots, and the newest
    archive; what is recorded there is what "proven" means everywhere else.
    """
    from ops.backup import drill, drill_archive
    from ops.cli import faults, output, repository, settle

    repo = repository()
    kinds = {
        "snapshot": (drill.plan, drill.drill),
        "archive": (drill_archive.plan, drill_archive.perform),
    }
    if expect and kind == "both":
        raise UsageError("expect= is one plan's digest", "Say kind=snapshot or kind=archive too.")
    documents: dict[str, object] = {}
    codes: list[int] = []

    def prove(each: str) -> None:
        decide, perform = kinds[each]
        decided = decide(repo, app)
        if plan or not decided:
            output.say(*decided.lines())
            documents[each] = decided.data()
            return
        settle(decided, show=False, expect=expect)
        done = perform(repo, app, decided, waiting=output.say_aside)
        output.say(*drill.told(app, each, done))
        codes.append(0 if done.state.verdict == "proven" else 1)
        documents[each] = {**done.state.model_dump(mode="json"), "differences": done.differences}

    for each in kinds if kind == "both" else [kind]:
        try:
            prove(each)
        except OpsError as error:
            if kind != "both":
                raise
            documents[each] = {"error": error.message}
            codes.append(faults.report(error, app))  # the other kind may be proven all the same
    output.document(documents)
    return worst(codes)


@task(asks=True, help={"engine": "cron: this account's crontab; dlm: AWS takes the snapshots"})
def schedule(
    context: Context,
    *,
    engine: Literal["cron", "dlm"] = "cron",
    plan: bool = False,
    expect: str = "",
    yes: bool = False,
) -> int | None:
    """Install the inventory's schedule in this account's crontab, shown as a diff first.

    One marked block; every other byte of the crontab stays. Again: nothing to do. engine=dlm
    makes the policies of AWS's Data Lifecycle Manager instead, and shows where they drifted;
    schedule.engine in site.yaml says which of the two takes the snapshots.
    """
    from ops.backup import crontab, policies
    from ops.cli import output, repository, settle

    repo = repository()
    if engine == "dlm":
        decided = policies.plan(repo)
        if settle(decided, show=plan, expect=expect, yes=yes):
            policies.carry_out(repo, decided)
            output.say(f"{len(decided.steps)} done")
        return 0
    before = crontab.read()
    after = crontab.wanted(repo, before)
    output.say(*(output.printable(line) for line in crontab.diff(before, after)))
    decided = crontab.plan(before, after, str(repo.path))
    if not settle(decided, show=plan, expect=expect, yes=yes):
        return 0
    crontab.install(repo, decided)
    output.say(f"installed; jobs log to {crontab.log(repo)}")
    return 0


@task()
def status(context: Context, *, json: bool = False) -> int | None:
    """Show each component's backups: last, next, age, size, level, drill, what is wrong.

    From the records, on any machine. It exits 1 when something is late, failed, unproven, or a
    scheduled run did not happen.
    """
    from ops.backup import known, standing
    from ops.cli import output, repository
    from ops.run import now

    lines = standing.lines(known.read(repository()), now(), known.cron_zone())
    output.table(standing.COLUMNS, [line.cells() for line in lines])
    output.document([line.data() for line in lines])
    return 1 if any(line.health == "bad" for line in lines) else 0


@task()
def watch(context: Context, *, json: bool = False) -> int | None:
    """Mail what of the backups is late, failed or unproven, or that all is well: for cron.

    By the SMTP host in site.yaml. It exits 1 when something is wrong, also when no mail could
    be sent.
    """
    from ops.backup import known, standing, watch
    from ops.cli import output, repository
    from ops.run import now

    repo, moment = repository(), now()
    lines = standing.lines(known.read(repo), moment, known.cron_zone())
    others = watch.schedule_faults(repo)
    site = repo.site()
    subject, text = watch.report(lines, others, site.controller.name)
    output.say(subject, *text)
    output.document({"subject": subject, "others": others, "lines": [one.data() for one in lines]})
    if site.mail:
        watch.send(site.mail, watch.message(site.mail, subject, text, moment))
    else:
        output.say_aside("no mail is declared in site.yaml: nobody is told but who reads this")
    return 1 if others or any(line.health == "bad" for line in lines) else 0


@task(app="one", asks=True, help={"to": "folder on the component's own host", "when": "as of then"})
def restore(
    context: Context,
    app: str,
    *,
    to: str,
    when: str = "",
    kind: Literal["auto", "snapshot", "archive"] = "auto",
    plan: bool = False,
    expect: str = "",
    yes: bool = False,
    json: bool = False,
) -> int | None:
    """Restore the newest backup, or that of a moment, beside the live data.

    Over it only when to= is a volume's mount (snapshot) or / (archive), with yes=true, and after
    a backup of what is there. What is restored is compared with the backup's manifest.
    """
    from ops.backup import restore
    from ops.cli import output, repository, settle

    repo = repository()
    decided = restore.plan(repo, app, to, when=when, kind=kind)
    if not settle(decided, show=plan, expect=expect, yes=yes):
        return 0
    done = restore.restore(repo, app, decided)
    verdict = "different from" if done.differences else "as in"
    output.say(
        *(f"{app}: restored to {place}, {verdict} the backup's manifest" for place in done.places),
        *done.differences,
        *(f"not compared: {words}" for words in done.uncompared),
        f"  run {done.run}",
    )
    output.document(vars(done))
    return 1 if done.differences else 0
