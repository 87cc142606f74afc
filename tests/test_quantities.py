"""Figures as people read them."""

from __future__ import annotations

import pytest

from ops import quantities


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (54e6, "54 MB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1.2e9, "1.2 GB"),
        (2e18, "2000 PB"),
    ],
)
def test_sizes_have_three_digits_at_most_up_to_the_last_unit(count: float, text: str) -> None:
    assert quantities.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (42, "42 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3600, "1 h 0 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_spans_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert quantities.span(seconds) == text


def test_a_rate_needs_time() -> None:
    assert (quantities.rate(108e6, 2), quantities.rate(5, 0)) == ("54 MB/s", "-")


def test_numbers_have_commas() -> None:
    assert quantities.number(20000) == "20,000"
