"""Which files a night reads again."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from ops.verify.scrub import DAY, due
from ops.verify.seen import Memory

NOW = 1_700_000_000


def _memory(read: dict[bytes, tuple[int, int]]) -> Memory:
    return Memory(
        {
            path: (b"1 2 %d 3.0 4.0" % size, b"0" * 32, b"%d" % (NOW - days * DAY))
            for path, (days, size) in read.items()
        }
    )


def test_a_nights_share_is_what_was_read_longest_ago() -> None:
    memory = _memory({b"./%d" % days: (days, 100) for days in range(1, 10)})
    assert due(NOW, 9 * DAY)(memory) == {b"./9", b"./8"}
    assert due(NOW, 30 * DAY)(memory) == {b"./9"}


def test_what_would_be_late_is_read_however_much_it_is() -> None:
    memory = _memory({b"./%d" % days: (days, 100) for days in range(100)})
    chosen = due(NOW, 31 * DAY)(memory)
    assert {b"./%d" % days for days in range(30, 100)} <= chosen


def test_nothing_is_due_of_nothing() -> None:
    assert due(NOW, 30 * DAY)(Memory()) == set()


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40), st.integers(1, 30))
def test_within_its_days_everything_is_read(sizes: list[int], days: int) -> None:
    waits = {b"./%d" % number: 0 for number in range(len(sizes))}
    for night in range(1, 3 * days + 1):
        read = {path: (wait + 1, sizes[int(path[2:])]) for path, wait in waits.items()}
        chosen = due(NOW, days * DAY)(_memory(read))
        waits = {path: 0 if path in chosen else wait + 1 for path, wait in waits.items()}
        assert max(waits.values()) < days, night
