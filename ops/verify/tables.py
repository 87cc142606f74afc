"""What a digest hook tells of a database, and how two databases differ. Pure."""

from __future__ import annotations

import re

from ops.escapes import escape
from ops.verify.differences import Comparison, Difference

Tables = dict[bytes, tuple[int, bytes]]
"""Rows and digest by table."""

_LINE = re.compile(rb"(?P<table>.+) (?P<rows>\d+) (?P<digest>[0-9a-f]{32,128})")


class BadTables(ValueError):
    """What a hook printed is not all the tables of a database; its text says why."""


def parse(printed: bytes) -> Tables:
    """Return the tables that a hook told, a line `TABLE ROWS DIGEST` each.

    Raise BadTables for a line that tells none, for one cut short, and when there is no table at
    all: a hook that looked in the wrong place would prove that nothing is the same as nothing.
    """
    tables: Tables = {}
    *lines, rest = printed.split(b"\n")
    if rest:
        raise BadTables(f"its output ends within a line: {escape(rest)}")
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line)
        if found is None or found["table"] in tables:
            raise BadTables(
                f"line {number} is not `TABLE ROWS DIGEST`, once a table: {escape(line)}"
            )
        tables[found["table"]] = int(found["rows"]), found["digest"]
    if not tables:
        raise BadTables("it found no table")
    return tables


def compared(ours: Tables, theirs: Tables) -> Comparison:
    """Return the comparison of two databases, tables in the place of files."""
    found = Comparison()
    for table in sorted(ours.keys() | theirs.keys()):
        if table not in theirs:
            found.differences.append(Difference(table, "missing", "table"))
        elif table not in ours:
            found.differences.append(Difference(table, "extra", "table"))
        elif ours[table] != theirs[table]:
            found.differences.append(Difference(table, "different", _words(ours, theirs, table)))
        else:
            found.files += 1
    return found


def _words(ours: Tables, theirs: Tables, table: bytes) -> str:
    here, there = ours[table][0], theirs[table][0]
    return "content" if here == there else f"{here} rows here, {there} there"
