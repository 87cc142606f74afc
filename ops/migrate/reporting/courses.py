"""The course of a run as plots: phases, rates, streams, loads, sizes of files. From samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ops import quantities
from ops.migrate.engine.samples import Phase, Sample, phases, rates, rates_of
from ops.migrate.reporting.figures import Summary
from ops.pages.chart import columns, timeline
from ops.pages.plot import Band, Level, Series, course

SMOOTH = 3
"""Seconds that a rate of the plots is the mean of."""

MEGA = 1e6


def plots(summary: Summary, samples: Sequence[Sample]) -> list[str]:
    """Return the plots of a run; none without two samples at least."""
    if len(samples) < 2:
        return []
    end = samples[-1].second
    found = _long(phases(samples))
    return [
        timeline("Phases", _rows(found), x="s", end=end),
        course(
            "Rate over time",
            [Series("rate", rate(samples))],
            x="s",
            y="MB/s",
            bands=[Band(phase.name, phase.start, phase.end) for phase in found],
            levels=_levels(summary),
            end=end,
            stacked=streams(samples),
        ),
        *_loads(samples, end),
        *_connections(samples, end),
    ]


def histogram(summary: Summary) -> list[str]:
    """Return the plot of the sizes of files, where they are known."""
    rows = _filled(summary.sizes)
    files, size = sum(row[1] for row in rows), sum(row[2] for row in rows)
    if not files:
        return []
    classes = [_limit(limit) for limit, _, _ in rows]
    shares = [
        Series("files", [(index, 100 * row[1] / files) for index, row in enumerate(rows)]),
        Series("bytes", [(index, 100 * row[2] / max(size, 1)) for index, row in enumerate(rows)]),
    ]
    return [columns("Sizes of files", classes, shares, x="up to", y="share, %")]


def _filled(rows: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return the classes without the empty ones at both ends."""
    full = [index for index, row in enumerate(rows) if row[1]]
    return list(rows[full[0] : full[-1] + 1]) if full else []


def _limit(limit: int) -> str:
    """Return an upper limit as shortly as an axis wants it: 100 kB."""
    return quantities.size(limit).replace(".0", "") if limit else "more"


def rate(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """Return (second, MB a second) over the run."""
    return [(second, rate / MEGA) for second, rate in rates(samples, SMOOTH)]


def streams(samples: Sequence[Sample]) -> list[Series]:
    """Return what each stream adds to the rate, in MB/s, all over the same seconds.

    Both lanes of a connection are one stream here. Without several streams there is nothing.
    """
    names = sorted({_stream(lane) for each in samples for lane in each.streams or {}}, key=_order)
    found = [Series(f"stream {name}", _own(samples, name)) for name in names]
    return found if len(found) > 1 else []


def _own(samples: Sequence[Sample], stream: str) -> list[tuple[float, float]]:
    """Return the rate of one stream as if it were alone, from what its lanes have sent."""
    sent = [sum(n for k, n in (s.streams or {}).items() if _stream(k) == stream) for s in samples]
    return [(second, rate / MEGA) for second, rate in rates_of(samples, sent, SMOOTH)]


@dataclass(frozen=True)
class Stream:
    """What a stream has done of a data set, both its lanes together."""

    name: str
    bytes: int
    files: int
    retries: int


def ended(samples: Sequence[Sample]) -> dict[str, list[Stream]]:
    """Return what each stream had done in the end, by data set."""
    last = {sample.data_set: sample for sample in samples if sample.streams}
    return {name: _streams_of(sample) for name, sample in last.items()}


def _streams_of(sample: Sample) -> list[Stream]:
    lanes = sample.streams or {}
    told = (lanes, sample.stream_files or {}, sample.stream_retries or {})
    return [
        Stream(
            name, *(sum(n for lane, n in each.items() if _stream(lane) == name) for each in told)
        )
        for name in sorted({_stream(lane) for lane in lanes}, key=_order)
    ]


def _stream(lane: str) -> str:
    return lane.rstrip("abcdefghijklmnopqrstuvwxyz") or lane


def _order(name: str) -> tuple[int, str]:
    return len(name), name


def _levels(summary: Summary) -> list[Level]:
    if summary.link_rate is None:
        return []
    return [Level("measured rate of the link", summary.link_rate / MEGA)]


def _rows(found: Sequence[Phase]) -> list[tuple[str, list[Band]]]:
    rows: dict[str, list[Band]] = {}
    for phase in found:
        band = Band(phase.name, phase.start, phase.end)
        rows.setdefault(phase.data_set or "all", []).append(band)
    return list(rows.items())


def _long(found: Sequence[Phase]) -> list[Phase]:
    return [phase for phase in found if phase.end > phase.start and phase.name != "start"]


def _loads(samples: Sequence[Sample], end: float) -> Iterator[str]:
    loads = [_load(samples, side) for side in ("source", "target")]
    if any(series.points for series in loads):
        yield course("Processor load of both hosts", loads, x="s", y="load, %", end=end)


def _connections(samples: Sequence[Sample], end: float) -> Iterator[str]:
    """Yield how the connections fared, where the source's `ss` told it."""
    seen = [s for s in samples if s.round_trip_ms is not None]
    if len(seen) > 1:
        trips = [Series("round trip", [(s.second, s.round_trip_ms or 0.0) for s in seen])]
        yield course("Round trip of the connections", trips, x="s", y="round trip, ms", end=end)
    again = [(s.second, float(s.retransmits)) for s in samples if s.retransmits is not None]
    if any(count for _, count in again):
        lines = [Series("packets", again)]
        yield course("Packets sent again", lines, x="s", y="packets again", end=end)


def _load(samples: Sequence[Sample], side: str) -> Series:
    values = [(sample.second, getattr(sample, f"{side}_load")) for sample in samples]
    return Series(side, [(second, 100 * load) for second, load in values if load is not None])
