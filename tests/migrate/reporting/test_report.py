"""The page and the lines on a transfer."""

from __future__ import annotations

from dataclasses import replace

from ops.migrate.engine.samples import Sample
from ops.migrate.reporting.figures import SetFigures, Summary, recorded
from ops.migrate.reporting.report import page, report
from ops.migrate.wording import lines

SET = SetFigures(
    "pages", "main:/a", "main:/b", "done", 10.0, 20_000, 5_000_000, 12, 1_000_000, 1_100_000,
    "2026-11-22T18:00:00+00:00", 70.4, 0.5, 0.25, "192.0.2.7",
)  # fmt: skip
FAILED = replace(
    SET, verdict="incomplete", words="1 entries were not moved", hint="Run it again.",
    failed_count=30, failed=(("caf\\351 <b>", "Permission denied"),), vanished_count=1,
    vanished=("gone",),
)  # fmt: skip
SAMPLES = [
    Sample(0, "pages", "connect"),
    Sample(1, "pages", "transfer"),
    Sample(2, "pages", "transfer", 6, 500_000, 0.4, 0.2),
    Sample(3, "pages", "transfer", 12, 1_000_000, 0.6, 0.3),
]


def _summary(*sets: SetFigures) -> Summary:
    done = all(each.verdict == "done" for each in sets)
    return Summary("R1", "wiki", "done" if done else "incomplete", 12.5, sets, {})


def test_the_page_has_figures_plots_and_names() -> None:
    text = page(_summary(SET), SAMPLES, [])
    for told in ("12 files, 1.0 MB", "70.4 ms", "transfer", "MB/s", "192.0.2.7", "R1"):
        assert told in text
    assert text.count("<svg") == 3
    assert 'class="verdict good"' in text


def test_what_did_not_arrive_is_listed_safely() -> None:
    text = page(_summary(FAILED), SAMPLES, [])
    assert 'class="verdict bad"' in text
    assert "caf\\351 &lt;b&gt;" in text
    assert "vanished meanwhile" in text


def test_without_samples_there_is_a_page_without_plots() -> None:
    assert "<svg" not in page(_summary(SET), [], [])


def test_a_run_that_moved_nothing_still_has_a_page() -> None:
    assert report(Summary("R1", "wiki", "incomplete", 0.0), []).sections


def test_figures_come_back_from_a_record() -> None:
    summary = _summary(FAILED, SET)
    assert recorded("R1", "wiki", summary.data()) == summary


def test_the_lines_tell_amounts_failures_and_what_to_do() -> None:
    told = lines(_summary(FAILED))
    assert told[0] == (
        "pages: sent 12 files, 1.0 MB, of a set of 20,000 files, 5.0 MB, in 10 s, "
        "100 kB/s, round trip 70.4 ms"
    )
    assert "  caf\\351 <b>: Permission denied" in told
    assert "Run it again." in told
    assert told[-1] == "wiki: incomplete, run R1"


def test_what_each_stream_has_sent_and_the_retries_are_told() -> None:
    last = replace(
        SAMPLES[-1],
        streams={"1a": 600_000, "2a": 400_000},
        stream_files={"1a": 12},
        stream_retries={"2a": 1},
    )
    told = report(_summary(replace(SET, retries=1)), [*SAMPLES[:-1], last])
    tables = {section.title: section.table for section in told.sections if section.table}
    assert tables["Streams"].rows[0] == ["pages", "stream 1", 0.6, 12, 0]
    assert tables["Streams"].rows[1][-1] == 1
    assert any(figure.words == "retries" for figure in told.sections[0].figures)
