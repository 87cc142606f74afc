"""The page on a transfer: what moved, how fast, and what did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ops import quantities
from ops.migrate.figures import SetFigures, Summary
from ops.migrate.plan import amount
from ops.migrate.samples import Phase, Sample, phases, rates
from ops.pages.plot import Band, Series, course
from ops.pages.report import Cell, Figure, Report, Section, Table, html

_MEGA = 1e6
_SMOOTH = 3
"""Seconds that a rate of the plot is the mean of."""


def page(summary: Summary, samples: Sequence[Sample], templates: Sequence[Path]) -> str:
    """Return the report of a run as a self-contained HTML page."""
    return html(report(summary, samples), templates)


def report(summary: Summary, samples: Sequence[Sample]) -> Report:
    """Return the report of a run; without samples it has no plots."""
    done = summary.verdict == "done"
    return Report(
        f"Transfer of {summary.component}",
        _lead(summary),
        [*_figures(summary), *_course(samples), *_sets(summary), *_problems(summary)],
        "everything arrived" if done else "incomplete: run it again",
        good=done,
        foot=[
            f"Run {summary.run}",
            f"Rates count the bytes of files, sampled each second, as means of {_SMOOTH} s.",
            "A file with several names (hard links) is sent once.",
        ],
    )


def _lead(summary: Summary) -> str:
    return (
        f"Sent {amount(summary.sent_files, summary.sent_bytes)} in "
        f"{quantities.span(summary.seconds)}, of {amount(summary.files, summary.bytes)} in all."
    )


def _figures(summary: Summary) -> Iterator[Section]:
    trip = summary.round_trip_ms
    shown = [
        Figure(quantities.number(summary.sent_files), "files sent"),
        Figure(quantities.size(summary.sent_bytes), "sent"),
        Figure(quantities.span(summary.seconds), "in all"),
        Figure(f"{quantities.size(summary.rate)}/s", "mean rate"),
        Figure("-" if trip is None else f"{trip:.1f} ms", "round trip"),
    ]
    yield Section("Measured", figures=shown)


def _course(samples: Sequence[Sample]) -> Iterator[Section]:
    points = [(second, rate / _MEGA) for second, rate in rates(samples, _SMOOTH)]
    if not points:
        return
    bands = [Band(_name(phase), phase.start, phase.end) for phase in _long(phases(samples))]
    end = samples[-1].second
    rate = [Series("rate", points)]
    plots = [course("Rate over time", rate, x="s", y="MB/s", bands=bands, end=end)]
    loads = [_load(samples, side) for side in ("source", "target")]
    if any(series.points for series in loads):
        plots.append(course("Processor load of both hosts", loads, x="s", y="load, %", end=end))
    yield Section("Course", plots=plots)


def _sets(summary: Summary) -> Iterator[Section]:
    head = ["Data set", "Files", "MB", "Files sent", "MB sent", "Seconds", "MB/s", "Verdict"]
    rows: list[list[Cell]] = [
        [
            each.name,
            each.files,
            each.bytes / _MEGA,
            each.sent_files,
            each.sent_bytes / _MEGA,
            each.seconds,
            each.sent_bytes / _MEGA / each.seconds if each.seconds else 0.0,
            each.verdict,
        ]
        for each in summary.sets
    ]
    if rows:
        yield Section("Data sets", table=Table(head, rows), lines=[*map(_way, summary.sets)])
    left_out = list((summary.left_out or {}).items())
    if left_out:
        yield Section("Left out", table=Table(["Data set", "Why"], left_out))


def _problems(summary: Summary) -> Iterator[Section]:
    for each in summary.sets:
        if each.words:
            table = Table(["Path", "Reason"], each.failed) if each.failed else None
            text = f"{each.words[0].upper()}{each.words[1:]}. {each.hint}"
            yield Section(f"{each.name}: what did not arrive", text, table=table)
        if each.vanished:
            text = (
                f"{quantities.number(each.vanished_count)} files were deleted on the source "
                "while it was read: so it goes on a live host."
            )
            yield Section(f"{each.name}: vanished meanwhile", text, lines=each.vanished)


def _way(each: SetFigures) -> str:
    seen = f" (source seen as {each.seen_from})" if each.seen_from else ""
    return f"{each.name}: {each.source} -> {each.target}{seen}"


def _long(all_phases: Sequence[Phase]) -> list[Phase]:
    return [phase for phase in all_phases if phase.end > phase.start and phase.name != "start"]


def _name(phase: Phase) -> str:
    return f"{phase.data_set}: {phase.name}" if phase.data_set else phase.name


def _load(samples: Sequence[Sample], side: str) -> Series:
    values = [(sample.second, getattr(sample, f"{side}_load")) for sample in samples]
    return Series(side, [(second, 100 * load) for second, load in values if load is not None])
