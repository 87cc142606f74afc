"""When cron runs a job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.inventory.schema.crontimes import parse

PACIFIC = ZoneInfo("America/Los_Angeles")


def next_ones(text: str, after: str, count: int, zone: tzinfo = UTC) -> list[str]:
    moment, found = datetime.fromisoformat(after), []
    for _ in range(count):
        moment = parse(text).after(moment, zone)
        found.append(moment.isoformat())
    return [one.removesuffix(":00+00:00") for one in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15 2 * * *", ["2026-11-22T02:15", "2026-11-23T02:15"]),
        ("*/20 1-2 * * *", ["2026-11-22T01:00", "2026-11-22T01:20"]),
        ("5 */12 * * *", ["2026-11-22T00:05", "2026-11-22T12:05"]),
        ("0 0 1,15 * *", ["2026-12-01T00:00", "2026-12-15T00:00"]),
        ("0 3 * * sun", ["2026-11-22T03:00", "2026-11-29T03:00"]),
        ("0 3 * * 7", ["2026-11-22T03:00", "2026-11-29T03:00"]),
        ("0 3 24 nov mon", ["2026-11-23T03:00", "2026-11-24T03:00"]),
        ("0 0 29 2 *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
    ],
)
def test_jobs_come_when_crontab_says(text: str, expected: list[str]) -> None:
    assert next_ones(text, "2026-11-22T00:00:00+00:00", 2) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("60 2 * * *", "minute: '60' is not within 0 to 59"),
        ("0 24 * * *", "hour"),
        ("0 0 0 * *", "day of month"),
        ("0 0 * 13 *", "month"),
        ("0 0 * * 8", "day of week"),
        ("0 0 * * fry", "day of week: 'fry'"),
        ("0 5-2 * * *", "hour: '5-2'"),
        ("*/0 0 * * *", "minute"),
        ("5/15 0 * * *", "minute"),
        ("1,,2 0 * * *", "minute"),
        ("0 0 31 2 *", "never comes"),
        ("@daily", "not five fields"),
    ],
)
def test_what_cron_would_not_run_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(text)


def test_the_hour_that_comes_twice_runs_a_daily_job_once_and_an_hourly_one_twice() -> None:
    evening = "2026-11-01T07:00:00+00:00"  # midnight; 01:30 comes at 08:30Z and at 09:30Z
    assert next_ones("30 1 * * *", evening, 2, PACIFIC) == ["2026-11-01T08:30", "2026-11-02T09:30"]
    hourly = next_ones("30 * * * *", evening, 4, PACIFIC)
    assert [one[-5:] for one in hourly] == ["07:30", "08:30", "09:30", "10:30"]


def test_a_job_with_a_star_among_its_minutes_runs_in_both_hours() -> None:
    evening = "2026-11-01T07:00:00+00:00"
    both = next_ones("*/30 1 * * *", evening, 4, PACIFIC)
    assert [one[-5:] for one in both] == ["08:00", "08:30", "09:00", "09:30"]


def test_a_time_that_is_left_out_runs_when_the_clock_is_put_forward() -> None:
    night = "2026-03-08T08:00:00+00:00"  # midnight; clocks go from 02:00 to 03:00 at 10:00Z
    assert next_ones("30 2 * * *", night, 2, PACIFIC) == ["2026-03-08T10:00", "2026-03-09T09:30"]
    assert next_ones("*/30 2 * * *", night, 1, PACIFIC) == ["2026-03-09T09:00"]


def test_a_gap_of_half_an_hour_is_one_too() -> None:
    howe = ZoneInfo("Australia/Lord_Howe")  # from 02:00 to 02:30 at 15:30Z
    assert next_ones("15 2 * * *", "2026-10-03T15:00:00+00:00", 1, howe) == ["2026-10-03T15:30"]
    assert next_ones("45 2 * * *", "2026-10-03T15:00:00+00:00", 1, howe) == ["2026-10-03T15:45"]


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(
        ["15 2 * * *", "*/7 * * * *", "50 * * * 1-5", "0 0 1 * *", "30 1 * * *", "*/9 2 * * *"]
    ),
)
def test_between_the_run_before_and_the_run_after_there_is_none(at: datetime, text: str) -> None:
    moment, times = at.replace(tzinfo=UTC), parse(text)
    before = times.before(moment, PACIFIC)
    assert before <= moment < times.after(moment, PACIFIC)
    assert times.after(before, PACIFIC) == times.after(moment, PACIFIC)
    assert times.after(before - timedelta(seconds=1), PACIFIC) == before
