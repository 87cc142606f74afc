"""The page on several transfers side by side: one column a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ops import quantities
from ops.migrate.engine.samples import Sample, phases
from ops.migrate.reporting import courses
from ops.migrate.reporting.figures import Summary
from ops.migrate.reporting.report import share, verdict
from ops.pages.chart import columns
from ops.pages.plot import Series, course
from ops.pages.report import Cell, Report, Section, Table


def report(runs: Sequence[tuple[Summary, Sequence[Sample]]]) -> Report:
    """Return the report that compares runs, in the order given; called A, B, C... in it."""
    summaries = [summary for summary, _ in runs]
    names = letters(len(runs))
    rates = [courses.rate(samples) for _, samples in runs]
    good = all(summary.verdict == "done" for summary in summaries)
    title = " and ".join(dict.fromkeys(summary.component for summary in summaries))
    plots = [
        course(
            "Rates over time",
            [Series(name, points) for name, points in zip(names, rates, strict=True)],
            x="s after the run began",
            y="MB/s",
        ),
        *_phases(names, [samples for _, samples in runs]),
    ]
    return Report(
        f"Transfers of {title}, side by side",
        f"{len(runs)} runs, of {_day(summaries[0])} to {_day(summaries[-1])}.",
        [
            Section("Figures", table=_table(names, summaries)),
            Section("Course", plots=plots if any(rates) else []),
            Section("Runs", table=Table(["", "Run"], list(zip(names, _ids(runs), strict=True)))),
        ],
        "everything arrived in each" if good else "not every run was done",
        good=good,
    )


def letters(count: int) -> list[str]:
    """Return short names for so many runs: A, B, ..., Z, A2, B2, ..."""
    return [f"{chr(65 + at % 26)}{at // 26 + 1 if at >= 26 else ''}" for at in range(count)]


def _day(summary: Summary) -> str:
    """Return when the run began, as its id tells it: 20261122T170102."""
    return summary.run.partition(".")[0]


def _ids(runs: Sequence[tuple[Summary, Sequence[Sample]]]) -> list[str]:
    return [summary.run for summary, _ in runs]


def _table(names: Sequence[str], summaries: Sequence[Summary]) -> Table:
    rows: list[list[Cell]] = [
        [words, *(told(summary) for summary in summaries)] for words, told in _ROWS.items()
    ]
    return Table(["", *names], rows)


def _phases(names: Sequence[str], runs: Sequence[Sequence[Sample]]) -> list[str]:
    """Return the plot of how long each phase took in each run."""
    took: dict[str, list[float]] = {}
    for index, samples in enumerate(runs):
        for phase in phases(samples):
            if phase.name != "start":
                row = took.setdefault(phase.name, [0.0] * len(runs))
                row[index] += phase.end - phase.start
    series = [
        Series(name, [(at, row[index]) for at, row in enumerate(took.values())])
        for index, name in enumerate(names)
    ]
    return [columns("Seconds by phase", list(took), series, y="s")] if took else []


def _percent(summary: Summary) -> str:
    told = summary.forecast
    return f"{100 * told['off']:+.0f} %" if told else "-"


_ROWS: Mapping[str, Callable[[Summary], Cell]] = {
    "Component": lambda one: one.component,
    "Files": lambda one: quantities.number(one.files),
    "Bytes": lambda one: quantities.size(one.bytes),
    "Files sent": lambda one: quantities.number(one.sent_files),
    "Bytes sent": lambda one: quantities.size(one.sent_bytes),
    "In all": lambda one: quantities.span(one.seconds),
    "Mean rate": lambda one: f"{quantities.size(one.rate)}/s",
    "Share of the link": lambda one: share(one) or "-",
    "Round trip": lambda one: "-" if one.round_trip_ms is None else f"{one.round_trip_ms:.1f} ms",
    "Off the forecast": _percent,
    "Verdict": verdict,
}
