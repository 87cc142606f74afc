"""Streams are added while they pay."""

from ops.migrate.engine.growth import FIRST, INTERVAL, LIMIT, STEP, Growth


def _after(rates: list[float]) -> int:
    growth, moved = Growth(), 1
    growth.start(0.0)
    growth.look(INTERVAL, moved)
    for number, rate in enumerate(rates, 2):
        moved += round(rate * INTERVAL)
        growth.look(number * INTERVAL, moved)
    return growth.streams


def test_streams_grow_to_the_limit_while_the_rate_does() -> None:
    assert _after([10, 20, 40, 80, 160, 320]) == LIMIT


def test_streams_stay_when_one_step_brought_nothing() -> None:
    assert FIRST < _after([50, 50, 50, 50, 50]) < LIMIT


def test_nothing_grows_before_anything_has_arrived() -> None:
    growth = Growth()
    growth.start(0.0)
    assert [growth.look(second, 0) for second in (3.0, 6.0, 9.0)] == [FIRST] * 3


def test_a_fast_long_link_gets_at_once_what_its_windows_need() -> None:
    growth = Growth(round_trip=0.070)
    growth.start(0.0)
    growth.look(INTERVAL, 1)
    assert growth.look(2 * INTERVAL, round(240e6 * INTERVAL)) == 9 + STEP


def test_the_declared_limit_holds() -> None:
    growth = Growth(limit=6)
    growth.start(0.0)
    growth.look(INTERVAL, 1)
    assert growth.look(2 * INTERVAL, 10**9) == 6


def test_processors_that_are_busy_get_no_more_streams() -> None:
    growth = Growth()
    growth.start(0.0)
    growth.look(INTERVAL, 1)
    assert growth.look(2 * INTERVAL, 10**9, load=0.95) == FIRST


def test_a_link_whose_probe_filled_the_windows_begins_with_one_step_more() -> None:
    assert Growth().begin(62e6, 0.070) == FIRST
    assert Growth().begin(119e6, 0.070) == FIRST + STEP
    assert Growth(limit=6).begin(119e6, 0.070) == 6
    assert Growth().begin(0.0, 0.070) == FIRST
