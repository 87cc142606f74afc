"""What digest hooks tell, read and compared."""

from __future__ import annotations

import pytest

from ops.verify.tables import BadTables, compared, parse
from ops.verify.verdict import judge

A, B = b"a" * 32, b"b" * 64


def test_tables_are_read_whatever_their_names() -> None:
    text = b'public.pages 12 %b\npublic."odd \x85\xff name" 0 %b\n' % (A, B)
    assert parse(text) == {b"public.pages": (12, A), b'public."odd \x85\xff name"': (0, B)}


@pytest.mark.parametrize(
    "line", [b"", b"ERROR: no such database", b"t -1 " + A, b"t 1 xyz", b"1 " + A, b"s 1 " + A]
)
def test_what_is_no_table_is_told(line: bytes) -> None:
    with pytest.raises(BadTables, match="line 2"):
        parse(b"s 1 %b\n%b\nt 1 %b\n" % (A, line, A))


def test_an_output_that_ends_early_is_told() -> None:
    with pytest.raises(BadTables, match="ends within a line: t 1"):
        parse(b"s 1 %b\nt 1 %b" % (A, A))


def test_no_table_at_all_proves_nothing() -> None:
    with pytest.raises(BadTables, match="no table"):
        parse(b"")


def test_each_kind_of_difference_is_told() -> None:
    ours = {b"same": (1, A), b"gone": (1, A), b"fewer": (9, A), b"other\xff": (3, A)}
    theirs = {b"same": (1, A), b"new": (1, A), b"fewer": (8, B), b"other\xff": (3, B)}
    found = compared(ours, theirs)
    assert [(d.kind, d.path, d.words) for d in found.differences] == [
        ("different", b"fewer", "9 rows here, 8 there"),
        ("missing", b"gone", "table"),
        ("extra", b"new", "table"),
        ("different", b"other\xff", "content"),
    ]
    assert judge(found, [], []).verdict == "different"
    assert judge(compared(ours, ours), [], []).verdict == "same"
