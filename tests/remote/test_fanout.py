from __future__ import annotations

import threading
import time

import pytest

from ops.remote.errors import TimedOut
from ops.remote.fanout import each, unfinished


def test_outcomes_come_in_the_order_of_the_items() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 * (5 - number))
        return number * 10

    outcomes = each([1, 2, 3, 4, 5], work)
    assert [(one.item, one.value, one.ok) for one in outcomes] == [
        (number, number * 10, True) for number in range(1, 6)
    ]


def test_no_more_than_the_limit_run_at_once() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    assert len(each(range(40), work, limit=4)) == 40
    assert most == 4


def test_an_error_is_the_outcome_of_its_item_only() -> None:
    outcomes = each(["1", "x", "3"], int)
    assert [one.value for one in outcomes] == [1, None, 3]
    assert isinstance(outcomes[1].error, ValueError)
    assert unfinished(outcomes)[0].startswith("x: invalid literal")


def test_even_an_exit_is_kept_as_a_value() -> None:
    def work(_: int) -> None:
        raise SystemExit(3)

    assert isinstance(each([1], work)[0].error, SystemExit)


def test_a_stuck_item_is_left_behind_and_named() -> None:
    stuck = threading.Event()
    try:
        outcomes = each(
            ["quick", "stuck", "next"],
            lambda item: stuck.wait() if item == "stuck" else item,
            limit=1,
            seconds=0.2,
        )
    finally:
        stuck.set()
    assert [one.ok for one in outcomes] == [True, False, True]
    assert isinstance(outcomes[1].error, TimedOut)
    assert unfinished(outcomes) == ["stuck: no answer within 0.2 s"]


def test_equal_items_are_worked_on_each() -> None:
    assert [one.value for one in each(["a", "a", "a"], str.upper)] == ["A", "A", "A"]


def test_nothing_to_do_is_no_outcome() -> None:
    assert each([], str) == []
    with pytest.raises(ValueError, match="limit"):
        each([1], str, limit=0)
