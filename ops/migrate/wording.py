"""A transfer in a few lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ops import quantities
from ops.migrate.plan import amount
from ops.migrate.reporting.figures import SetFigures, Summary

SHOWN = 10
"""Names of entries that were not moved that are shown of a data set; the report has more."""


def lines(summary: Summary) -> list[str]:
    """Return the lines that tell a person what was moved, what was not, and what to do."""
    told = [line for each in summary.sets for line in _of_set(each)]
    left = [f"{name}: {reason}" for name, reason in (summary.left_out or {}).items()]
    if summary.forecast:
        told.append(forecast(summary.forecast))
    return [*told, *left, f"{summary.component}: {summary.verdict}, run {summary.run}"]


def forecast(told: Mapping[str, Any]) -> str:
    """Return the line on what was foretold of a run, and how far off that was."""
    low, high = quantities.span(told["low"]), quantities.span(told["high"])
    return (
        f"forecast: {quantities.span(told['seconds'])} ({low} to {high}), "
        f"off by {100 * told['off']:+.0f} %"
    )


def _of_set(each: SetFigures) -> Iterator[str]:
    rate = quantities.rate(each.sent_bytes, each.seconds)
    trip = "" if each.round_trip_ms is None else f", round trip {each.round_trip_ms:.1f} ms"
    yield (
        f"{each.name}: sent {amount(each.sent_files, each.sent_bytes)}, of a set of "
        f"{amount(each.files, each.bytes)}, in {quantities.span(each.seconds)}, {rate}{trip}"
    )
    if each.tables is not None and each.verdict == "done":
        yield (
            f"{each.name}: {quantities.number(each.tables)} tables, "
            f"{quantities.number(each.rows or 0)} rows, the same on both sides"
        )
    if each.changed:
        yield f"{each.name}: changed on the source meanwhile: {', '.join(each.changed[:SHOWN])}"
    if each.vanished_count:
        yield f"{each.name}: {quantities.number(each.vanished_count)} vanished from the source"
    if each.words:
        yield f"{each.name}: {each.words}"
        yield from (f"  {path}: {reason}" for path, reason in each.failed[:SHOWN])
        if each.failed_count > SHOWN:
            yield f"  and {quantities.number(each.failed_count - SHOWN)} more, see the report"
        yield each.hint
