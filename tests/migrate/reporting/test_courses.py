"""Plots of a run from its samples."""

from __future__ import annotations

from dataclasses import replace

from ops.migrate.engine.samples import Sample
from ops.migrate.reporting import courses
from ops.migrate.reporting.figures import SetFigures, Summary

SIZES = ((4000, 90, 1000), (0, 10, 9000))
SET = SetFigures(
    "pages", "main:/a", "main:/b", "done", 3.0, 100, 10_000, 100, 10_000, 11_000,
    link_rate=60e6, sizes=SIZES,
)  # fmt: skip
SUMMARY = Summary("R1", "wiki", "done", 3.0, (SET,), {})
_THREE = dict.fromkeys(("1a", "1b", "2a"), 3_000_000)
RUN = [
    Sample(0, "pages", "connect"),
    Sample(1, "pages", "transfer", 0, 0, streams={"1a": 0, "1b": 0, "2a": 0}),
    Sample(2, "pages", "transfer", 5, 9_000_000, streams=_THREE),
    Sample(3, "pages", "verify", 5, 9_000_000),
]  # fmt: skip


def test_the_lanes_of_a_connection_are_one_stream() -> None:
    first, second = courses.streams(RUN)
    assert (first.name, second.name) == ("stream 1", "stream 2")
    assert first.points[1] == (2, 3.0)
    assert [x for x, _ in first.points] == [x for x, _ in second.points]


def test_the_streams_make_up_the_rate() -> None:
    sums = [
        sum(ys)
        for ys in zip(*([y for _, y in s.points] for s in courses.streams(RUN)), strict=True)
    ]
    assert sums[1] == courses.rate(RUN)[1][1]


def test_the_measured_rate_of_the_link_is_a_line() -> None:
    assert "measured rate of the link" in "".join(courses.plots(SUMMARY, RUN))


def test_the_connections_are_shown_where_they_were_looked_at() -> None:
    seen = [replace(one, round_trip_ms=70.0 + n, retransmits=n) for n, one in enumerate(RUN)]
    told = "".join(courses.plots(SUMMARY, seen))
    assert "Round trip of the connections" in told
    assert "Packets sent again" in told


def test_one_sample_makes_no_plot() -> None:
    assert courses.plots(SUMMARY, RUN[:1]) == []


def test_the_histogram_has_the_classes_in_order() -> None:
    both = Summary("R1", "wiki", "done", 3.0, (SET, SET), {})
    assert both.sizes == [(4000, 180, 2000), (0, 20, 18000)]
    assert "4 kB" in courses.histogram(both)[0]
    assert courses.histogram(Summary("R1", "wiki", "done", 3.0, (), {})) == []


def test_a_stream_has_the_files_and_the_retries_of_both_its_lanes() -> None:
    last = replace(RUN[2], stream_files={"1a": 3, "1b": 2}, stream_retries={"2a": 1})
    first, second = courses.ended([*RUN[:2], last, RUN[3]])["pages"]
    assert (first.name, first.bytes, first.files, first.retries) == ("1", 6_000_000, 5, 0)
    assert (second.name, second.bytes, second.files, second.retries) == ("2", 3_000_000, 0, 1)
