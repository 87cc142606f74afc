"""Forecasts of a component's transfers, from its recorded runs, and how far off they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from ops import quantities, run
from ops.errors import Refused, UsageError
from ops.inventory.records import Record
from ops.inventory.repository import Repository
from ops.inventory.schema import Component
from ops.inventory.schema.words import seconds
from ops.migrate.plan import DatabaseFacts, Facts
from ops.migrate.reporting import figures, forecast
from ops.migrate.reporting.figures import Summary
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
            "sent_bytes": round(self.work.size),
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
            f"{quantities.size(self.work.size)} to send: {quantities.span(told.seconds)} "
            f"({quantities.span(told.low)} to {quantities.span(told.high)})"
        )


@dataclass(frozen=True)
class History:
    """What the records tell of a component's runs.

    `whole` says that the last one brought all there was, so that the next sends what has changed
    since `last`, when that one began. `sets` are the data sets that it was about.
    """

    runs: list[Past]
    last: datetime | None
    whole: bool
    sets: frozenset[str]


def history(repo: Repository, name: str) -> History:
    """Return the history of a component, with the runs that forecasts rest on.

    Runs that did not end, or that were held back by a limit, tell nothing about how long the next
    one takes. They do change what it has to send.
    """
    moved = [one for each in islice(repo.runs(name, TASK), LOOK) if (one := _moved(repo, each))]
    pairs = zip(moved, [*moved[1:], None], strict=False)
    runs = [_past(one, before) for one, before in pairs if one.counts]
    last = next((one for one in moved if one.whole), None)
    return History(
        forecast.newest(runs),
        last.record.started if last else None,
        bool(moved) and moved[0].whole,
        frozenset(last.sets) if last else frozenset(),
    )


def foretold(repo: Repository, name: str, age: str = "") -> tuple[list[Told], list[str]]:
    """Return the forecast of a full run, and of a final one where runs tell what changes; and in
    lines what they rest on, and what they do not know of.

    The final run comes `age`, a duration, after the last one, or now. Raise Refused when fewer
    than two runs are recorded, UsageError for what is no duration.
    """
    known, span = history(repo, name), _span(age) if age else None
    try:
        told = [_full(known.runs)]
    except Refused as refused:
        hint = (refused.hint or "").replace("app=NAME", f"app={name}")
        raise Refused(f"{name}: {refused.message}", hint) from None
    last = known.last or max(one.started for one in known.runs)
    final = _final(known.runs, run.now() - last if span is None else span)
    told += [] if final is None else [final]
    return told, list(_footing(known, repo.component(name), told))


def of_facts(
    repo: Repository, name: str, found: Mapping[str, Facts | DatabaseFacts], now: datetime
) -> Told | None:
    """Return what is foretold of a run that found this at both ends, None if nothing is.

    That is of a run that moves everything, to where nothing is, or one that sends what has changed
    since the last. Nobody knows the size of a dump before it is made: the last one stands for it.
    """
    known = history(repo, name)
    if len(known.runs) < forecast.FEWEST or not known.sets >= set(found):
        return None
    seen = [one for one in found.values() if isinstance(one, Facts)]
    there = {one.target.files > 0 for one in seen if one.source.files}
    if True not in there:
        files, size = (sum(getattr(one.source, of) for one in seen) for of in ("files", "bytes"))
        work = Work(files, files, size, known.runs[-1].dumped)
        return Told("full", work, forecast.foretell(known.runs, work))
    if False in there or not known.whole or known.last is None:
        return None
    return _final(known.runs, now - known.last)


def _footing(known: History, component: Component, told: Sequence[Told]) -> Iterator[str]:
    runs = told[0].forecast.runs
    missing = "" if len(told) > 1 else "; no run yet tells what changes: run it once more"
    yield f"from {runs} recorded runs; nine of ten end inside the interval{missing}"
    if not known.whole:
        yield "the last run did not bring all: the next one sends the rest as well"
    if new := sorted(set(component.data) - known.sets):
        yield f"not foretold, as no run has moved it: {', '.join(new)}"


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


@dataclass(frozen=True)
class _Moved:
    """A recorded run that moved something."""

    record: Record
    summary: Summary

    @property
    def whole(self) -> bool:
        """Return whether it brought all there was."""
        return self.record.verdict == "done" and bool(self.summary.sets)

    @property
    def counts(self) -> bool:
        """Return whether it tells how long a run takes."""
        return self.whole and not self.record.arguments.get("limit-mbit")

    @property
    def sets(self) -> set[str]:
        """Return the names of the data sets."""
        return {one.name for one in self.summary.sets}


def _moved(repo: Repository, run: str) -> _Moved | None:
    """Return a run; None where it was refused, or failed, before it moved anything."""
    record = repo.record(run)
    told = figures.recorded(run, record.component or "", record.figures)
    return _Moved(record, told) if record.steps else None


def _past(one: _Moved, before: _Moved | None) -> Past:
    """Return a run as forecasts take it; what the one before it left tells what it had to send."""
    files = [each for each in one.summary.sets if each.tables is None]
    told = {name: sum(getattr(each, name) for each in files) for name in _COUNTED}
    dumped = sum(each.bytes for each in one.summary.sets if each.tables is not None)
    past = Past(one.record.started, one.summary.seconds, **told, dumped=dumped)
    everything = past.sent_files >= past.files
    if everything or before is None or not before.whole or before.sets != one.sets:
        return past
    return replace(past, since=before.record.started)


_COUNTED = ("files", "bytes", "sent_files", "sent_bytes")
