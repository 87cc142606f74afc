"""Instances that match the inventory."""

from ops.cli import Context, task


def _ahead() -> None:
    from ops.cloud.session import read_ahead

    read_ahead("ops.provision.apply", "ops.remote.connection")


@task(
    app="many",
    default=True,
    in_order=True,
    partial=True,
    ahead=_ahead,
    help={
        "wait": "how long a new host may take until it answers: 90s, 10m",
        "allow_instances": "make up to this many instances",
        "allow_volume_gib": "make up to this many GiB of volumes",
        "allow_monthly": "add up to this much to the bill of a month",
    },
)
def apply(
    context: Context,
    app: str,
    *,
    plan: bool = False,
    expect: str = "",
    wait: str = "10m",
    allow_instances: int = 0,
    allow_volume_gib: int = 0,
    allow_monthly: int = 0,
    json: bool = False,
) -> int | None:
    """Make the component's instances, volumes and services as declared; again: nothing to do."""
    from ops import run
    from ops.cli import output, repository, settle
    from ops.plan import Plan
    from ops.provision import apply, limits, prices
    from ops.provision.arrival import Patience, seconds

    repo = repository()
    if not plan:
        for left in run.recover(repo):
            output.say_aside(f"{app}: recorded {left.run}, which was interrupted")

    site = repo.site()

    def check(decided: Plan) -> None:
        limits.check(
            decided,
            site.limits,
            allow_instances=allow_instances,
            allow_volume_gib=allow_volume_gib,
        )
        prices.check(decided, repo.prices(), site.limits, allow_monthly, region=site.cloud.region)

    def agree(decided: Plan) -> bool:
        told = limits.told(decided, check) if plan else decided
        if not settle(told, show=plan, expect=expect):
            return False
        check(decided)
        return True

    done = apply.apply(
        repo,
        app,
        agree,
        tell=lambda line: output.say(f"{app}: {line}"),
        expect=expect,
        patience=Patience(limit=seconds(wait)),
        arguments={"expect": expect, "wait": wait},
    )
    if done:
        output.say(f"{app}: provisioned")
    if not plan:
        output.document(repo.state(app).model_dump(mode="json"))
    return 0


@task(
    app="one",
    asks=True,
    help={
        "slot": "which instance, where the component has several",
        "from_snapshot": "make the volumes from the newest proven snapshot, not from the old ones",
        "accept_loss": "hours of changes that may be lost where a snapshot is all there is",
        "undo": "give one that is under way up: everything goes back to the old instance",
        "allow_instances": "make up to this many instances",
        "allow_volume_gib": "make up to this many GiB of volumes",
        "allow_monthly": "add up to this much to the bill of a month",
        "wait": "how long the new host may take until it answers: 90s, 10m",
    },
)
def replace(
    context: Context,
    app: str,
    *,
    slot: str = "",
    from_snapshot: bool = False,
    accept_loss: float = 0.0,
    undo: bool = False,
    plan: bool = False,
    expect: str = "",
    yes: bool = False,
    wait: str = "10m",
    allow_instances: int = 0,
    allow_volume_gib: int = 0,
    allow_monthly: int = 0,
    json: bool = False,
) -> int | None:
    """Put a new instance in the place of the old one, with its volumes and its name."""
    from ops.cli import output, repository, settle
    from ops.fleet.replace import replace
    from ops.plan import Plan
    from ops.provision import limits, prices
    from ops.provision.arrival import Patience, seconds

    repo = repository()

    def agree(decided: Plan) -> bool:
        if not plan:
            site = repo.site()
            declared, region = site.limits, site.cloud.region
            allowed = {"allow_instances": allow_instances, "allow_volume_gib": allow_volume_gib}
            limits.check(decided, declared, **allowed)
            prices.check(decided, repo.prices(), declared, allow_monthly, region=region)
        return settle(decided, show=plan, expect=expect, yes=yes)

    done = replace(
        repo,
        app,
        agree,
        slot=slot,
        from_snapshot=from_snapshot,
        accept_loss=accept_loss,
        undo=undo,
        expect=expect,
        tell=lambda line: output.say(f"{app}: {line}"),
        patience=Patience(limit=seconds(wait)),
        arguments={
            "slot": slot,
            "from_snapshot": from_snapshot,
            "accept_loss": accept_loss,
            "undo": undo,
        },
    )
    if done:
        output.say(f"{app}: {'everything is as it was' if undo else 'replaced'}")
        output.document(repo.state(app).model_dump(mode="json"))
    return 0


@task(app="one", asks=True, help={"undo": "take the retirement back"})
def retire(
    context: Context,
    app: str,
    *,
    undo: bool = False,
    plan: bool = False,
    expect: str = "",
    yes: bool = False,
    json: bool = False,
) -> int | None:
    """Give the component up: snapshot and stop now, end it once the declared days are over."""
    from ops.cli import output, repository, settle
    from ops.fleet.retire import retire

    repo = repository()
    done = retire(
        repo,
        app,
        lambda decided: settle(decided, show=plan, expect=expect, yes=yes),
        undo=undo,
        expect=expect,
        tell=lambda line: output.say(f"{app}: {line}"),
    )
    if done:
        output.document(repo.state(app).model_dump(mode="json"))
    return 0


@task(app="together")
def drift(context: Context, app: str, *, json: bool = False) -> int | None:
    """Compare inventory, AWS and hosts; changes nothing. It exits 1 on drift, 4 on gaps."""
    from ops.cli import output, repository
    from ops.errors import Incomplete, worst
    from ops.provision import drift, drift_survey

    report = drift_survey.look(repository(), [name for name in app.split(",") if name])
    if report.findings:
        output.table(drift.COLUMNS, [one.cells() for one in report.findings])
    for todo, found in report.todo().items():
        where = ", ".join(dict.fromkeys(one.component for one in found))
        output.say(f"{where}: {todo}")
    output.say(*(f"note: {note}" for note in report.notes))
    for gap in report.gaps:
        output.say_aside(f"{gap.component}: {gap.subject} could not be asked: {gap.why}")
    if not report.findings and not report.gaps:
        output.say("no drift")
    output.document(report.data())
    return worst([1 if report.findings else 0, Incomplete.exit_code if report.gaps else 0])
