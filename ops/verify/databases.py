"""The verification of a database: row counts and digests per table, told by a hook on each side.

The hook, a POSIX shell script of templates/, is called with its declared arguments as root and
prints `TABLE ROWS DIGEST` for each table, its rows in a fixed order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ops import run
from ops.errors import OpsError
from ops.escapes import escape
from ops.inventory.schema import DatabaseSet, TransferState
from ops.remote.command import script
from ops.remote.fanout import each
from ops.remote.host import Host
from ops.verify.compare import Comparison, Difference
from ops.verify.scan import may_be_root
from ops.verify.sides import SIDES, Hosts, Outcome
from ops.verify.verdict import judge

Tables = dict[str, tuple[int, str]]
"""Rows and digest by table."""

_LINE = re.compile(r"(?P<table>.+) (?P<rows>\d+) (?P<digest>[0-9a-f]{32,128})")


def verify(
    course: run.Run, hosts: Hosts, name: str, declared: DatabaseSet, moved: TransferState
) -> Outcome:
    """Verify the database, put what both sides told into the record, and return the outcome.

    Raise OpsError when a hook fails, or prints what is no table.
    """
    began = datetime.now(UTC)
    hook = hosts.repo.template(declared.digest.script)
    slots = {"source": declared.source, "target": declared.target}
    outcomes = each(
        SIDES,
        lambda side: _asked(hosts.get(side, slots[side]), hook, declared.digest.arguments),
    )
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    printed = {outcome.item: outcome.value or b"" for outcome in outcomes}
    for side in SIDES:
        kept = course.directory / f"{name}.{side}.tables"
        kept.write_bytes(printed[side])
        course.attach(kept)
    ours, theirs = (parse(printed[side].decode("utf-8", "surrogateescape")) for side in SIDES)
    judged = judge(compared(ours, theirs), [], [], ctimes={}, since=None)
    seconds = (datetime.now(UTC) - began).total_seconds()
    course.figure(
        name,
        {
            "verdict": judged.verdict,
            "transfer": moved.run,
            "tables": judged.files,
            "source_rows": sum(rows for rows, _ in ours.values()),
            "target_rows": sum(rows for rows, _ in theirs.values()),
            "seconds": round(seconds, 3),
        },
    )
    return Outcome(name, judged, moved.started, seconds)


def compared(ours: Tables, theirs: Tables) -> Comparison:
    """Return the comparison of two databases, tables in the place of files."""
    found = Comparison()
    for table in sorted(ours.keys() | theirs.keys()):
        path = table.encode()
        if table not in theirs:
            found.differences.append(Difference(path, "missing", "table"))
        elif table not in ours:
            found.differences.append(Difference(path, "extra", "table"))
        elif ours[table] != theirs[table]:
            found.differences.append(Difference(path, "different", _words(ours, theirs, table)))
        else:
            found.files += 1
    return found


def parse(printed: str) -> Tables:
    """Return the tables that a hook told. Raise OpsError for a line that tells none."""
    tables: Tables = {}
    for number, line in enumerate(printed.splitlines(), 1):
        found = _LINE.fullmatch(line)
        if found is None or found["table"] in tables:
            raise OpsError(
                f"line {number} of the digest hook tells no table: {escape(line)}",
                "It must print `TABLE ROWS DIGEST` once for each table.",
            )
        tables[found["table"]] = int(found["rows"]), found["digest"]
    return tables


def _words(ours: Tables, theirs: Tables, table: str) -> str:
    here, there = ours[table][0], theirs[table][0]
    return "content" if here == there else f"{here} rows here, {there} there"


def _asked(host: Host, hook: Path, arguments: Sequence[str]) -> bytes:
    return host.run(script(hook.read_text("utf-8"), *arguments, root=may_be_root(host))).out
