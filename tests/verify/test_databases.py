"""Databases, compared by what their hooks tell."""

from __future__ import annotations

import pytest

from ops.errors import OpsError
from ops.verify.databases import compared, parse
from ops.verify.verdict import judge

A, B = "a" * 32, "b" * 64


def test_tables_are_read_whatever_their_names() -> None:
    text = f'public.pages 12 {A}\npublic."odd name" 0 {B}\n'
    assert parse(text) == {"public.pages": (12, A), 'public."odd name"': (0, B)}


@pytest.mark.parametrize("line", ["", "ERROR: no such database", f"t -1 {A}", "t 1 xyz", f"1 {A}"])
def test_what_is_no_table_is_an_error(line: str) -> None:
    with pytest.raises(OpsError, match="line 2 of the digest hook"):
        parse(f"t 1 {A}\n{line}\n")


def test_a_table_told_twice_is_an_error() -> None:
    with pytest.raises(OpsError, match="line 2"):
        parse(f"t 1 {A}\nt 1 {A}\n")


def test_each_kind_of_difference_is_told() -> None:
    ours = {"same": (1, A), "gone": (1, A), "fewer": (9, A), "other": (3, A)}
    theirs = {"same": (1, A), "new": (1, A), "fewer": (8, B), "other": (3, B)}
    found = compared(ours, theirs)
    assert [(d.kind, d.path, d.words) for d in found.differences] == [
        ("different", b"fewer", "9 rows here, 8 there"),
        ("missing", b"gone", "table"),
        ("extra", b"new", "table"),
        ("different", b"other", "content"),
    ]
    assert judge(found, [], [], ctimes={}, since=None).verdict == "different"
    assert judge(compared(ours, ours), [], [], ctimes={}, since=None).verdict == "same"
