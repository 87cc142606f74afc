"""Forecasts of a component's transfers, from its recorded runs, and how far off they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from ops import quantities, run
from ops.errors import Refused, UsageError
from ops.inventory.records import Record
from ops.inventory.repository import Repository
from ops.inventory.schema.words import seconds
from ops.migrate.plan import DatabaseFacts, Facts
from ops.migrate.reporting import figures, forecast
from ops.migrate.reporting.forecast import Forecast, Past, Work

TASK = "migrate.metered"

LOOK = 100
"""Runs that are looked at, the newest: reading a record takes a while."""


@dataclass(frozen=True)
class Told:
    """What is foretold of a kind of run: its work, and how long that takes."""

    kind: forecast.Kind
    work: Work
    forecast: Forecast
    age: timedelta | None = None

    def data(self) -> dict[str, Any]:
        """Return it as JSON data."""
        age = {} if self.age is None else {"age_seconds": round(self.age.total_seconds())}
        return {
            "kind": self.kind,
            **age,
            "runs": self.forecast.runs,
            "sent_files": round(self.work.sent_files),
            "sent_bytes": round(self.work.sent_bytes),
            "seconds": round(self.forecast.seconds, 2),
            "low": round(self.forecast.low, 2),
            "high": round(self.forecast.high, 2),
        }

    def against(self, took: float) -> dict[str, Any]:
        """Return it as JSON data, with how far off it was of a run that took so long."""
        off, inside = round(self.forecast.off(took), 3), self.forecast.holds(took)
        return {**self.data(), "off": off, "inside": inside}

    def words(self) -> str:
        """Return it in a line."""
        told, age = self.forecast, self.age
        kind = "a full run" if age is None else f"a run {quantities.span(age.total_seconds())}"
        since = "" if age is None else " after the last"
        return (
            f"{kind}{since}, {quantities.number(round(self.work.sent_files))} files, "
            f"{quantities.size(self.work.sent_bytes)} to send: {quantities.span(told.seconds)} "
            f"({quantities.span(told.low)} to {quantities.span(told.high)})"
        )


def past(repo: Repository, name: str) -> list[Past]:
    """Return the recorded runs of a component that forecasts rest on, the newest ones.

    Runs that did not end, that were held back by a limit, or that had to do with a part of the
    data only, tell nothing about the next one.
    """
    return forecast.newest(list(_past(repo, name)))


def foretold(repo: Repository, name: str, age: str = "") -> list[Told]:
    """Return the forecast of a full run, and of a final one where runs tell what changes.

    The final run comes `age`, a duration, after the last one, or now. Raise Refused when fewer
    than two runs are recorded, UsageError for what is no duration.
    """
    runs = past(repo, name)
    try:
        told = [_full(runs)]
    except Refused as refused:
        hint = (refused.hint or "").replace("app=NAME", f"app={name}")
        raise Refused(f"{name}: {refused.message}", hint) from None
    last = max(one.started for one in runs)
    final = _final(runs, _span(age) if age else run.now() - last)
    return told if final is None else [*told, final]


def footing(told: Sequence[Told]) -> str:
    """Return what the forecasts rest on, in a line."""
    runs = told[0].forecast.runs
    missing = "" if len(told) > 1 else "; no run yet tells what changes: run it once more"
    return f"from {runs} recorded runs; nine of ten end inside the interval{missing}"


def expected(runs: list[Past], now: datetime, counted: Work, *, empty: bool) -> Told | None:
    """Return what is foretold of a run that begins now, None where too few runs tell.

    `counted` is what its source was found to hold; an `empty` target gets all of that.
    """
    if len(runs) < forecast.FEWEST:
        return None
    if empty:
        return Told("full", counted, forecast.foretell(runs, counted))
    return _final(runs, now - max(run.started for run in runs))


def of_facts(
    repo: Repository, name: str, found: Iterable[Facts | DatabaseFacts], now: datetime
) -> Told | None:
    """Return what is foretold of a run that found this at both ends, None if nothing is.

    Nobody knows the size of a dump before it is made: the last ones stand for it.
    """
    seen = [one for one in found if isinstance(one, Facts)]
    size = sum(one.source.bytes for one in seen) + _dumped(repo, name)
    files = sum(one.source.files for one in seen)
    empty = not any(one.target.files for one in seen)
    return expected(past(repo, name), now, Work(files, files, size), empty=empty)


def _dumped(repo: Repository, name: str) -> int:
    """Return the bytes of the dumps that were moved last."""
    declared, moved = repo.component(name).data, repo.state(name).transfers
    return sum(moved[n].bytes for n, d in declared.items() if d.kind == "database" and n in moved)


def _full(runs: list[Past]) -> Told:
    work = forecast.full(runs)
    return Told("full", work, forecast.foretell(runs, work))


def _final(runs: list[Past], age: timedelta) -> Told | None:
    work = forecast.final(runs, age)
    return None if work is None else Told("final", work, forecast.foretell(runs, work), age)


def _span(age: str) -> timedelta:
    try:
        return timedelta(seconds=seconds(age))
    except ValueError as error:
        raise UsageError(f"age={age}: {error}") from None


def _past(repo: Repository, name: str) -> Iterator[Past]:
    for each in islice(repo.runs(name, TASK), LOOK):
        record = repo.record(each)
        if _counts(record):
            summary = figures.recorded(each, name, record.figures)
            yield Past(
                record.started,
                summary.seconds,
                summary.files,
                summary.bytes,
                summary.sent_files,
                summary.sent_bytes,
            )


def _counts(record: Record) -> bool:
    return (
        record.verdict == "done"
        and "sets" in record.figures
        and not record.arguments.get("limit-mbit")
    )
