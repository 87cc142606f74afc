"""The page on a transfer: what moved, how fast, at what cost, and what did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ops import quantities
from ops.inventory.schema import Prices
from ops.migrate.engine.samples import Sample
from ops.migrate.plan import amount
from ops.migrate.reporting import courses, traffic
from ops.migrate.reporting.figures import SetFigures, Summary
from ops.pages.report import Cell, Figure, Report, Section, Table, html

_SLOWEST = 15
"""Files that are listed as the slowest."""


def page(
    summary: Summary,
    samples: Sequence[Sample],
    templates: Sequence[Path],
    prices: Prices | None = None,
) -> str:
    """Return the report of a run as a self-contained HTML page."""
    return html(report(summary, samples, prices), templates)


def report(summary: Summary, samples: Sequence[Sample], prices: Prices | None = None) -> Report:
    """Return the report of a run; without samples it has no plots, without prices no cost."""
    return Report(
        f"Transfer of {summary.component}",
        _lead(summary),
        [
            *_figures(summary, prices),
            *_problems(summary),
            *_course(summary, samples),
            *_sets(summary),
            *_streams(samples),
            *_files(summary),
            *_forecast(summary),
            *_cost(summary, prices),
        ],
        verdict(summary),
        good=summary.verdict == "done",
        foot=[
            f"Run {summary.run}",
            f"Rates count the bytes of files, sampled each second, as means of {courses.SMOOTH} s.",
            "A file with several names (hard links) is sent once.",
        ],
    )


def verdict(summary: Summary) -> str:
    """Return the verdict of a run in words."""
    words = {
        "done": "everything arrived",
        "incomplete": "incomplete: run it again",
        "different": "different: what arrived is not what was sent",
    }
    return words[summary.verdict]


def share(summary: Summary) -> str:
    """Return which part of the link's measured rate was used, "" where that is not known."""
    if not summary.link_rate or not summary.rate:
        return ""
    return f"{100 * summary.rate / summary.link_rate:.0f} %"


def _lead(summary: Summary) -> str:
    return (
        f"Sent {amount(summary.sent_files, summary.sent_bytes)} in "
        f"{quantities.span(summary.seconds)}, of {amount(summary.files, summary.bytes)} in all."
    )


def _figures(summary: Summary, prices: Prices | None) -> Iterator[Section]:
    trip, used = summary.round_trip_ms, share(summary)
    shown = [
        Figure(quantities.number(summary.sent_files), "files sent"),
        Figure(quantities.size(summary.sent_bytes), "sent"),
        Figure(quantities.span(summary.seconds), "in all"),
        Figure(f"{quantities.size(summary.rate)}/s", "mean rate"),
        *([Figure(used, "of the link's measured rate")] if used else []),
        Figure("-" if trip is None else f"{trip:.1f} ms", "round trip"),
    ]
    cost = traffic.cost(prices, summary.wire, summary.bytes)
    if prices and cost:
        shown.append(Figure(traffic.amount(cost.sent, prices.currency), "for the traffic"))
    if summary.retries:
        shown.append(Figure(quantities.number(summary.retries), "retries"))
    yield Section("Measured", figures=shown)


def _course(summary: Summary, samples: Sequence[Sample]) -> Iterator[Section]:
    if plots := courses.plots(summary, samples):
        shades = "Below the rate each shade is a stream." if courses.streams(samples) else ""
        yield Section("Course", shades, plots=plots)


def _sets(summary: Summary) -> Iterator[Section]:
    head = ["Data set", "Files", "MB", "Files sent", "MB sent", "Seconds", "MB/s", "Verdict"]
    rows: list[list[Cell]] = [
        [
            each.name,
            each.files,
            each.bytes / courses.MEGA,
            each.sent_files,
            each.sent_bytes / courses.MEGA,
            each.seconds,
            each.sent_bytes / courses.MEGA / each.seconds if each.seconds else 0.0,
            each.verdict,
        ]
        for each in summary.sets
    ]
    if rows:
        yield Section("Data sets", table=Table(head, rows), lines=[*map(_way, summary.sets)])
    left_out = list((summary.left_out or {}).items())
    if left_out:
        yield Section("Left out", table=Table(["Data set", "Why"], left_out))


def _streams(samples: Sequence[Sample]) -> Iterator[Section]:
    """Yield what each stream has sent of each data set, where there were several."""
    rows: list[list[Cell]] = [
        [name, f"stream {stream.name}", stream.bytes / courses.MEGA, stream.files, stream.retries]
        for name, streams in courses.ended(samples).items()
        for stream in streams
    ]
    if rows:
        head = ["Data set", "Stream", "MB", "Files", "Retries"]
        text = "Files that were sent in parts by several streams are none of one stream's."
        yield Section("Streams", text, table=Table(head, rows))


def _files(summary: Summary) -> Iterator[Section]:
    if plots := courses.histogram(summary):
        yield Section("Files by size", plots=plots)
    found = [
        (seconds, size, path, each) for each in summary.sets for path, size, seconds in each.slowest
    ]
    slowest = sorted(found, key=lambda row: (-row[0], row[2]))[:_SLOWEST]
    rows: list[list[Cell]] = [
        [each.name, path, size / courses.MEGA, seconds, size / courses.MEGA / max(seconds, 0.01)]
        for seconds, size, path, each in slowest
    ]
    if rows:
        head = ["Data set", "File", "MB", "Seconds", "MB/s"]
        yield Section("Slowest files", table=Table(head, rows))


def _problems(summary: Summary) -> Iterator[Section]:
    for each in summary.sets:
        if each.words:
            table = Table(["Path", "Reason"], each.failed) if each.failed else None
            text = f"{each.words[0].upper()}{each.words[1:]}. {each.hint}"
            title = "what is not the same" if each.verdict == "different" else "what did not arrive"
            yield Section(f"{each.name}: {title}", text, table=table)
        if each.changed:
            text = "These tables changed on the source after the dump: so it goes on a live host."
            yield Section(f"{each.name}: changed meanwhile", text, lines=each.changed)
        if each.vanished:
            text = (
                f"{quantities.number(each.vanished_count)} files were deleted on the source "
                "while it was read: so it goes on a live host."
            )
            yield Section(f"{each.name}: vanished meanwhile", text, lines=each.vanished)


def _forecast(summary: Summary) -> Iterator[Section]:
    told = summary.forecast
    if not told:
        return
    low, high = quantities.span(told["low"]), quantities.span(told["high"])
    inside = "inside" if told["inside"] else "outside"
    yield Section(
        "Forecast",
        f"From {told['runs']} earlier runs {quantities.span(told['seconds'])} were foretold, "
        f"{low} to {high}. It took {quantities.span(summary.seconds)}: "
        f"{100 * told['off']:+.0f} %, {inside} the interval.",
    )


def _cost(summary: Summary, prices: Prices | None) -> Iterator[Section]:
    cost = traffic.cost(prices, summary.wire, summary.bytes)
    if prices is None or cost is None:
        return
    head = ["Direction", "GB", f"{prices.currency} a GB", prices.currency]
    wire, whole = summary.wire / traffic.GIGA, summary.bytes / traffic.GIGA
    rows: list[list[Cell]] = [
        ["from campus to EC2, this run", wire, prices.traffic_in, cost.sent],
        ["from EC2 to campus, all data back", whole, prices.traffic_out or 0.0, cost.back],
    ]
    free = "" if prices.traffic_in else "Into EC2 is free; out of it is charged. "
    yield Section(
        "Cost of the traffic",
        f"{free}Prices of {prices.region}, looked up on {prices.looked_up}. "
        "The second line is what the way back to campus would cost.",
        table=Table(head, rows),
    )


def _way(each: SetFigures) -> str:
    tables = "" if each.tables is None else f", {each.tables} tables, {each.rows} rows"
    seen = f" (source seen as {each.seen_from})" if each.seen_from else ""
    return f"{each.name}: {each.source} -> {each.target}{tables}{seen}"
