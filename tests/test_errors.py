"""Errors, their exit codes, and the code that stands for several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import Incomplete, Interrupted, OpsError, Refused, UsageError, worst

CODES = (130, 143, 3, 1, 4, 2, 0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OpsError("x"), 1),
        (UsageError("x"), 2),
        (Refused("x"), 3),
        (Incomplete("x"), 4),
        (Interrupted("x"), 130),
        (Interrupted("x", terminated=True), 143),
    ],
)
def test_each_error_has_its_exit_code(error: OpsError, code: int) -> None:
    assert error.exit_code == code


def test_an_error_reads_as_message_and_hint() -> None:
    assert (str(OpsError("what", "do this")), str(OpsError("what"))) == ("what\ndo this", "what")


@given(st.lists(st.sampled_from(CODES), min_size=1))
def test_the_worst_is_the_first_in_the_order(codes: list[int]) -> None:
    assert worst(codes) == min(codes, key=CODES.index)


def test_nothing_is_fine_and_the_unknown_is_a_fault() -> None:
    assert (worst([]), worst([0, 77])) == (0, 1)
