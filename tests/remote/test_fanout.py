from __future__ import annotations

import threading
import time

import pytest

from ops.remote import fanout
from ops.remote.errors import TimedOut
from ops.remote.fanout import each, unfinished
from tests.support.waiting import Clock


def test_outcomes_come_in_the_order_of_the_items() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 * (5 - number))
        return number * 10

    outcomes = each([1, 2, 3, 4, 5], work)
    assert [(one.item, one.value, one.ok) for one in outcomes] == [
        (number, number * 10, True) for number in range(1, 6)
    ]


def test_as_many_as_the_limit_run_at_once_and_no_more() -> None:
    running, most, lock, all_four = 0, 0, threading.Lock(), threading.Barrier(4)

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        all_four.wait(60)
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


def test_a_stuck_item_is_left_behind_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stuck = Clock(), threading.Event()

    def work(item: str) -> None:
        if item == "stuck":
            clock.sleep(1)  # the two others take no time by this clock, on any machine
            stuck.wait(60)  # for ever, as far as `each` is concerned

    monkeypatch.setattr(fanout, "time", clock)
    try:
        outcomes = each(["quick", "stuck", "next"], work, limit=1, seconds=0.2)
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
