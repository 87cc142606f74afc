"""How long the next run will take."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import Refused
from ops.migrate.reporting.forecast import PRIOR, Forecast, Past, Work, final, foretell, full

START = datetime(2026, 11, 1, tzinfo=UTC)
FULL = Past(START, 120.0, 35_000, 5_000_000_000, 35_000, 5_000_000_000)
AFTER_A_DAY = Past(
    START + timedelta(days=1), 14.0, 35_100, 5_010_000_000, 300, 40_000_000, since=START
)
BOTH = [FULL, AFTER_A_DAY]

counts = st.integers(0, 2_000_000)
sizes = st.integers(0, 10**13)
pasts = st.builds(
    Past,
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.floats(0.5, 1e6),
    counts,
    sizes,
    counts,
    sizes,
    sizes,
)
several = st.lists(pasts, min_size=2, max_size=12)


def _width(told: Forecast) -> float:
    return told.high - told.low


def test_a_full_run_takes_as_long_as_the_last_one_did() -> None:
    told = foretell(BOTH, full(BOTH))
    assert told.seconds == pytest.approx(120, rel=0.1)
    assert told.holds(120)
    assert told.high < 240


def test_a_final_run_takes_its_share_of_what_changed() -> None:
    work = final(BOTH, timedelta(days=1))
    assert work is not None
    assert (work.sent_files, work.sent_bytes) == (300, 40_000_000)
    assert foretell(BOTH, work).seconds == pytest.approx(14, rel=0.1)
    longer = final(BOTH, timedelta(days=7))
    assert longer is not None
    assert foretell(BOTH, longer).seconds > foretell(BOTH, work).seconds


def test_what_changes_never_exceeds_what_there_is() -> None:
    work = final(BOTH, timedelta(days=3650))
    assert work is not None
    assert (work.sent_files, work.sent_bytes) == (35_100, 5_010_000_000)


def test_a_run_right_after_another_tells_little_of_a_week() -> None:
    at = START + timedelta(minutes=5)
    nothing = replace(AFTER_A_DAY, started=at, sent_files=0, sent_bytes=0, since=START)
    work = final([FULL, nothing], timedelta(days=7))
    assert work is not None
    assert (work.sent_files, work.sent_bytes) == (0, 0)
    assert work.most is not None
    assert 2016 < work.most[0] < 35_100
    assert work.most[1] / work.most[0] == pytest.approx(5_010_000_000 / 35_100)
    told = foretell([FULL, nothing], work)
    assert told.high - told.seconds > 2 * (told.seconds - told.low)


def test_a_run_never_takes_less_than_one_that_sends_nothing() -> None:
    work = final(BOTH, timedelta(days=7))
    assert work is not None
    nothing = foretell(BOTH, replace(work, sent_files=0, sent_bytes=0, least=None, most=None))
    assert foretell(BOTH, work).low > nothing.low


def test_dumps_are_sent_anew_however_little_time_has_passed() -> None:
    runs = [replace(run, dumped=20_000_000_000, seconds=run.seconds + 1000) for run in BOTH]
    work, sooner = (final(runs, timedelta(days=days)) for days in (7, 0))
    assert work is not None
    assert sooner is not None
    assert (work.dumped, sooner.dumped) == (20_000_000_000, 20_000_000_000)
    assert sooner.size == 20_000_000_000
    assert foretell(runs, sooner).seconds == pytest.approx(1012, rel=0.05)
    assert foretell(runs, full(runs)).seconds == pytest.approx(1120, rel=0.05)


def test_many_small_runs_leave_the_full_one_to_tell_of_all() -> None:
    small = [
        replace(AFTER_A_DAY, started=START + timedelta(days=day), since=None)
        for day in range(1, 30)
    ]
    told = foretell([FULL, *small], full([FULL, *small]))
    assert told.runs == 11
    assert told.seconds == pytest.approx(120, rel=0.1)


def test_two_full_runs_do_not_tell_what_changes() -> None:
    again = replace(FULL, started=START + timedelta(days=1))
    assert final([FULL, again], timedelta(days=1)) is None


@pytest.mark.parametrize("past", [[], [FULL]])
def test_too_few_runs_are_refused_with_what_to_do(past: list[Past]) -> None:
    with pytest.raises(Refused, match="a forecast rests on 2") as refused:
        foretell(past, Work(1, 1, 1))
    assert "fab migrate.metered" in refused.value.hint


@given(several, counts, counts, sizes, sizes)
def test_more_bytes_never_take_less(
    past: list[Past], files: int, sent: int, one: int, other: int
) -> None:
    fewer, more = (Work(files, sent, size) for size in sorted((one, other)))
    assert foretell(past, fewer).seconds <= foretell(past, more).seconds * (1 + 1e-9)


@given(several, st.builds(Work, counts, counts, sizes, sizes))
def test_the_interval_holds_the_forecast(past: list[Past], work: Work) -> None:
    told = foretell(past, work)
    assert 0 <= told.low <= told.seconds <= told.high
    assert told.holds(told.seconds)


@given(counts, sizes, st.floats(0.3, 3), st.integers(2, 9))
def test_more_equal_runs_narrow_the_interval(
    files: int, size: int, slower: float, count: int
) -> None:
    usual = sum(mean * x for (mean, _), x in zip(PRIOR, (1, files, files, size, 0), strict=True))
    one = Past(START, usual * slower, files, size, files, size)
    few, more = ([one] * number for number in (count, count + 1))
    assert _width(foretell(more, full(more))) <= _width(foretell(few, full(few))) * 1.001


def test_doubt_on_what_is_sent_widens_the_interval() -> None:
    sure = Work(35_000, 20_000, 3e9)
    unsure = replace(sure, least=(10_000, 2e9), most=(35_000, 5e9))
    less, more = foretell(BOTH, sure), foretell(BOTH, unsure)
    assert more.low < less.low < less.high < more.high


def test_runs_that_differ_widen_the_interval() -> None:
    def both(*seconds: float) -> Forecast:
        runs = [
            replace(FULL, started=START + timedelta(days=day), seconds=took)
            for day, took in enumerate(seconds)
        ]
        return foretell(runs, full(runs))

    alike, apart = both(120, 122), both(85, 157)
    assert _width(apart) > 1.5 * _width(alike)
    assert (alike.holds(157), apart.holds(157)) == (False, True)


def test_a_run_of_each_kind_tells_less_of_the_noise_than_two_equal_ones() -> None:
    equal, each = [FULL, replace(FULL, started=START + timedelta(days=1))], BOTH
    widths = [_width(foretell(runs, full(runs))) for runs in (equal, each)]
    assert widths[1] > 1.2 * widths[0]


def test_the_order_of_runs_does_not_matter() -> None:
    assert foretell(BOTH[::-1], full(BOTH[::-1])) == foretell(BOTH, full(BOTH))


def test_nine_of_ten_runs_end_inside_the_interval(seed: int) -> None:
    chance = random.Random(seed)

    def run(day: int, sent: float) -> Past:
        files, size = 50_000, 8_000_000_000
        true = 6 + files * 30e-6 + sent * files * 0.4e-3 + sent * size / 50e6
        took = true * chance.gauss(1, 0.06)
        at = START + timedelta(days=day)
        return Past(at, took, files, size, int(files * sent), int(size * sent))

    inside = 0
    for _ in range(200):
        past = [run(0, 1.0), run(1, chance.uniform(0, 0.1)), run(2, 1.0)]
        third = run(3, 1.0)
        inside += foretell(past, full(past)).holds(third.seconds)
    assert inside >= 170
