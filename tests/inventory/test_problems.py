"""Problems: one line each, in order, with the nearest name."""

from __future__ import annotations

import pytest

from ops.inventory.problems import Broken, Problem, nearest


def test_problems_are_told_in_the_order_of_their_places() -> None:
    error = Broken([Problem("b", 1, 1, "second"), Problem("a", 10, 2, "first")])
    assert error.message == "a:10:2: first\nb:1:1: second"
    assert error.exit_code == 1 and "inventory.validate" in error.hint


@pytest.mark.parametrize(
    ("word", "known", "words"),
    [
        ("wikki", ["wiki", "lists"], "; did you mean wiki?"),
        ("zebra", ["wiki", "lists"], "; known: lists, wiki"),
        ("zebra", [], ""),
        ("zebra", [f"n{i:02}" for i in range(20)], "n11, ..."),
    ],
)
def test_the_nearest_name_is_told(word: str, known: list[str], words: str) -> None:
    assert nearest(word, known).endswith(words)
