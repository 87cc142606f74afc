"""Transfers: a component's data from campus to cloud, metered."""

from __future__ import annotations

from collections.abc import Mapping

from ops.cli import Context, task


def _ready() -> tuple[list[str], Mapping[str, str]]:
    from ops.cli import repository
    from ops.migrate import metered

    return metered.ready(repository())


@task(
    app="optional",
    one_after_another=True,
    candidates=_ready,
    help={
        "allow_existing": "write over this many files that no recorded run moved there",
        "limit_mbit": "send at most so many megabits a second",
        "mirror": "in the end delete on the target what is gone from the source",
        "allow_deletes": "delete up to so many entries, beyond the site's limit",
    },
    asks=True,
)
def metered(
    context: Context,
    app: str,
    *,
    plan: bool = False,
    allow_existing: int = 0,
    limit_mbit: int = 0,
    mirror: bool = False,
    allow_deletes: int = 0,
    yes: bool = False,
    json: bool = False,
) -> int | None:
    """Move a component's data to its instance, measure it, and report it: the practice run."""
    from ops.cli import consent, output, progress, repository
    from ops.migrate import metered, wording

    repo = repository()
    if plan or mirror:
        decided = metered.planned(
            repo, app, allow_existing=allow_existing, mirror=mirror, allow_deletes=allow_deletes
        )
        if plan:
            output.say(*decided.lines())
            output.document(decided.data())
            return 0
        consent.agree(decided, yes=yes)
    summary = metered.rehearse(
        repo,
        app,
        allow_existing=allow_existing,
        limit_mbit=limit_mbit,
        mirror=mirror,
        allow_deletes=allow_deletes,
        bars=progress.bar,
        tell=lambda step: output.say_aside(f"{app}: {step.words}"),
    )
    page = repo.run_folder(summary.run) / "report.html"
    output.say(*wording.lines(summary), f"report: {page}")
    output.document({**summary.data(), "run": summary.run, "verdict": summary.verdict})
    return summary.exit_code


@task(
    help={
        "source": "HOST:PATH; the host as the inventory (wiki.campus.main) or ssh knows it",
        "target": "HOST:PATH, into which the source's content goes",
        "exclude": "patterns to leave out, with commas between",
        "allow_existing": "write over this many files that no recorded copy put there",
        "limit_mbit": "send at most so many megabits a second",
    }
)
def copy(
    context: Context,
    source: str,
    target: str,
    *,
    exclude: str = "",
    plan: bool = False,
    allow_existing: int = 0,
    limit_mbit: int = 0,
    json: bool = False,
) -> int | None:
    """Copy a folder from any host to any other, with the engine and report of migrate.metered."""
    import os

    from ops.cli import output, progress, repository
    from ops.migrate import copies, wording

    repo = repository()
    asked = copies.asked(repo, source, target, os.environ, exclude)
    if plan:
        decided = copies.planned(repo, asked, allow_existing=allow_existing)
        output.say(*decided.lines())
        output.document(decided.data())
        return 0
    summary = copies.copied(
        repo,
        asked,
        allow_existing=allow_existing,
        limit_mbit=limit_mbit,
        bars=progress.bar,
        tell=lambda step: output.say_aside(step.words),
    )
    page = repo.run_folder(summary.run) / "report.html"
    output.say(*wording.lines(summary), f"report: {page}")
    output.document({**summary.data(), "run": summary.run, "verdict": summary.verdict})
    return summary.exit_code


@task(
    help={
        "run": "the run, as `fab migrate.metered` and `fab inventory.history` name it; "
        "several (run=A,B) are shown side by side"
    }
)
def report(context: Context, run: str, *, json: bool = False) -> int | None:
    """Make the report of a recorded transfer anew, or of several side by side."""
    from ops.cli import output, repository
    from ops.migrate import wording
    from ops.migrate.reporting import reports

    summaries, page = reports.reported(repository(), [*filter(None, run.split(","))] or [run])
    output.say(*(line for one in summaries for line in wording.lines(one)), f"report: {page}")
    told = [{**one.data(), "run": one.run, "verdict": one.verdict} for one in summaries]
    output.document(told[0] if len(told) == 1 else {"runs": told})
    return 0


@task(
    app="many",
    help={"age": "how long after the last run a final one begins: 12h, 7d; none: now"},
)
def forecast(context: Context, app: str, *, age: str = "", json: bool = False) -> int | None:
    """Tell how long the next full run, and a final one, will take: from two recorded runs on."""
    from ops.cli import output, repository
    from ops.migrate.reporting import forecasts

    told, notes = forecasts.foretold(repository(), app, age)
    output.say(*(f"{app}: {line}" for line in [*(one.words() for one in told), *notes]))
    output.document({one.kind: one.data() for one in told})
    return 0
