"""The figures of a run: per data set and in all; what record, report and JSON are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import inf
from typing import Any, Literal, Self

from ops import errors
from ops.inventory.schema import FileSet
from ops.migrate.engine.samples import Sample, mean_load
from ops.migrate.engine.transfer import Moved
from ops.migrate.plan import SourceFacts

KEPT = 200
"""Names of failed and vanished entries that a record keeps of a data set; all are counted."""

Verdict = Literal["done", "incomplete", "different"]


@dataclass(frozen=True)
class SetFigures:
    """One data set: what there is, what of it was sent, and how that went.

    `files` and `bytes` are the whole set, `sent_*` what this run had to send of it; `wire` is
    what rsync wrote to the connection for it, and the sizes of the files that streams sent: their
    headers and compression are not counted. Paths are printable text below the set's root.
    `started` is told by the source's clock, and "" for what was not begun. `link_rate` is what
    the link was measured to carry, in bytes a second. `sizes` has (upper limit in bytes, files,
    bytes) of each class of sizes, the last without a limit (0); `slowest` has (path, bytes,
    seconds) of what took longest.
    """

    name: str
    source: str
    target: str
    verdict: Verdict
    seconds: float
    files: int
    bytes: int
    sent_files: int
    sent_bytes: int
    wire: int
    started: str = ""
    round_trip_ms: float | None = None
    source_load: float | None = None
    target_load: float | None = None
    seen_from: str = ""
    words: str = ""
    hint: str = ""
    failed_count: int = 0
    vanished_count: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    vanished: tuple[str, ...] = ()
    link_rate: float | None = None
    sizes: tuple[tuple[int, int, int], ...] = ()
    slowest: tuple[tuple[str, int, float], ...] = ()
    tables: int | None = None
    """Of a database: its tables, their rows, and the tables that changed while it was moved."""
    rows: int | None = None
    changed: tuple[str, ...] = ()
    retries: int = 0
    """How often something had to be sent again because a connection broke."""

    def data(self) -> dict[str, Any]:
        """Return the figures as JSON data, without those that say nothing."""
        return {n: _plain(v) for n, v in asdict(self).items() if v not in (None, "", (), [])}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return what `data()` gave."""
        known = {field.name for field in fields(cls)}
        told = {name: value for name, value in data.items() if name in known}
        for rows in ("failed", "sizes", "slowest"):
            told[rows] = tuple(tuple(row) for row in data.get(rows, ()))
        for names in ("vanished", "changed"):
            told[names] = tuple(data.get(names, ()))
        return cls(**told)


@dataclass(frozen=True)
class Summary:
    """A run over a component: its data sets, and what was left out and why."""

    run: str
    component: str
    verdict: Verdict
    seconds: float
    sets: tuple[SetFigures, ...] = ()
    left_out: Mapping[str, str] | None = None
    forecast: Mapping[str, Any] | None = None
    """What was foretold of this run, and how far off that was: ops.migrate.reporting.forecast."""

    @property
    def files(self) -> int:
        """Return the files of all sets."""
        return sum(each.files for each in self.sets)

    @property
    def bytes(self) -> int:
        """Return the bytes of all sets."""
        return sum(each.bytes for each in self.sets)

    @property
    def sent_files(self) -> int:
        """Return the files that had to be sent."""
        return sum(each.sent_files for each in self.sets)

    @property
    def sent_bytes(self) -> int:
        """Return the bytes of the files that had to be sent."""
        return sum(each.sent_bytes for each in self.sets)

    @property
    def rate(self) -> float:
        """Return the bytes a second over the whole of the moves, connecting included."""
        seconds = sum(each.seconds for each in self.sets)
        return self.sent_bytes / seconds if seconds else 0.0

    @property
    def round_trip_ms(self) -> float | None:
        """Return the shortest round trip measured between the hosts."""
        trips = [each.round_trip_ms for each in self.sets if each.round_trip_ms is not None]
        return min(trips, default=None)

    @property
    def wire(self) -> int:
        """Return the bytes that were written to connections."""
        return sum(each.wire for each in self.sets)

    @property
    def retries(self) -> int:
        """Return how often something had to be sent again because a connection broke."""
        return sum(each.retries for each in self.sets)

    @property
    def link_rate(self) -> float | None:
        """Return the bytes a second that the link was measured to carry, None if it was not."""
        rates = [each.link_rate for each in self.sets if each.link_rate is not None]
        return max(rates, default=None)

    @property
    def sizes(self) -> list[tuple[int, int, int]]:
        """Return (upper limit, files, bytes) of each class of sizes, over all sets."""
        found: dict[int, tuple[int, int]] = {}
        for limit, files, size in (row for each in self.sets for row in each.sizes):
            before = found.get(limit, (0, 0))
            found[limit] = before[0] + files, before[1] + size
        return [(limit, *found[limit]) for limit in sorted(found, key=lambda one: one or inf)]

    @property
    def exit_code(self) -> int:
        """Return the exit code of a task that ends so."""
        codes = {"done": 0, "different": 1, "incomplete": errors.Incomplete.exit_code}
        return codes[self.verdict]

    def data(self) -> dict[str, Any]:
        """Return the figures as JSON data, as the record keeps them."""
        totals = {
            "files": self.files,
            "bytes": self.bytes,
            "sent_files": self.sent_files,
            "sent_bytes": self.sent_bytes,
            "seconds": self.seconds,
            "rate": round(self.rate),
        }
        trip = {} if self.round_trip_ms is None else {"round_trip_ms": self.round_trip_ms}
        left = {"left_out": dict(self.left_out)} if self.left_out else {}
        told = {"forecast": dict(self.forecast)} if self.forecast else {}
        return {**totals, **trip, **left, **told, "sets": [each.data() for each in self.sets]}


def of_set(
    name: str, data: FileSet, moved: Moved, counted: SourceFacts, samples: Sequence[Sample]
) -> SetFigures:
    """Return the figures of a data set that was just moved, or not.

    rsync tells its totals at the end only: of a transfer that broke off, what was counted
    before and what the meter saw stand in for them.
    """
    totals, own = moved.outcome.totals, [s for s in samples if s.data_set == name]
    sent = max((s.files for s in own), default=0), max((s.bytes for s in own), default=0)
    return SetFigures(
        name,
        f"{data.source.host}:{data.source.root}",
        f"{data.target.host}:{data.target.root}",
        moved.outcome.verdict,
        round(moved.seconds, 2),
        totals.files or counted.files,
        totals.bytes or counted.bytes,
        totals.sent_files or sent[0],
        totals.sent_bytes or sent[1],
        totals.wire,
        moved.way.opened.isoformat() if moved.way else "",
        moved.way.round_trip_ms if moved.way else None,
        _rounded(mean_load(own, "source")),
        _rounded(mean_load(own, "target")),
        moved.way.address if moved.way else "",
        moved.outcome.words,
        moved.outcome.hint,
        len(moved.outcome.failed),
        len(moved.outcome.vanished),
        moved.outcome.failed[:KEPT],
        moved.outcome.vanished[:KEPT],
        moved.link_rate,
        moved.sizes,
        moved.slowest,
        retries=max((s.retries for s in own), default=0),
    )


def summary(
    run: str,
    component: str,
    sets: Sequence[SetFigures],
    left_out: Mapping[str, str],
    samples: Sequence[Sample],
) -> Summary:
    """Return the summary of a run: done when every data set is, and none was left out."""
    seconds = samples[-1].second if samples else 0.0
    verdict = _overall(sets, left_out)
    return Summary(run, component, verdict, round(seconds, 2), tuple(sets), left_out)


def recorded(run: str, component: str, told: Mapping[str, Any]) -> Summary:
    """Return the summary of a run from the figures of its record."""
    sets = tuple(SetFigures.of(each) for each in told.get("sets", ()))
    left_out = told.get("left_out", {})
    seconds, forecast = float(told.get("seconds", 0)), told.get("forecast")
    return Summary(run, component, _overall(sets, left_out), seconds, sets, left_out, forecast)


def _overall(sets: Sequence[SetFigures], left_out: Mapping[str, str]) -> Verdict:
    """Return the verdict that stands for all sets, the worst; that of nothing is incomplete."""
    verdicts = {each.verdict for each in sets}
    if "different" in verdicts:
        return "different"
    return "done" if verdicts == {"done"} and not left_out else "incomplete"


def _plain(value: object) -> object:
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
