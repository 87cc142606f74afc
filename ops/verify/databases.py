"""The verification of a database: row counts and digests per table, told by a hook on each side.

The hook, a POSIX shell script of templates/, is called with its declared arguments as root and
prints `TABLE ROWS DIGEST` for each table, its rows in a fixed order. A hook that fails, or tells
less than it should, leaves its side unread: the verdict is incomplete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ops import run
from ops.inventory.schema import DatabaseSet, Hook, TransferState
from ops.remote.command import script
from ops.remote.errors import CommandFailed
from ops.remote.fanout import each
from ops.remote.host import Host
from ops.verify.differences import Comparison
from ops.verify.faults import Fault
from ops.verify.scan import may_be_root
from ops.verify.sides import SIDES, Hosts, Outcome, Side
from ops.verify.tables import BadTables, Tables, compared, parse
from ops.verify.verdict import Judgement, judge


@dataclass(frozen=True)
class Told:
    """What the hook printed on one side, and what that says: tables, or why it says nothing."""

    printed: bytes
    tables: Tables
    faults: list[Fault]

    @property
    def rows(self) -> int:
        """Return the rows of all tables together."""
        return sum(rows for rows, _ in self.tables.values())


def verify(
    course: run.Run, hosts: Hosts, name: str, declared: DatabaseSet, moved: TransferState
) -> Outcome:
    """Verify the database, put what both sides told into the record, and return the outcome.

    Raise OpsError when a host can't be reached or the hook is not there.
    """
    began = datetime.now(UTC)
    text = hosts.repo.template(declared.digest.script).read_text("utf-8")
    slots = {"source": declared.source, "target": declared.target}
    outcomes = each(SIDES, lambda side: asked(hosts.get(side, slots[side]), text, declared.digest))
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    told = {outcome.item: outcome.value for outcome in outcomes if outcome.value}
    for side in SIDES:
        kept = course.directory / f"{name}.{side}.tables"
        kept.write_bytes(told[side].printed)
        course.attach(kept)
    judged = judgement(told["source"], told["target"])
    seconds = (datetime.now(UTC) - began).total_seconds()
    course.figure(name, _figures(told, judged, moved, seconds))
    return Outcome(name, judged, moved.started, seconds)


def asked(host: Host, text: str, hook: Hook) -> Told:
    """Return what the digest hook, whose text is given, tells on a host.

    Raise OpsError when there is no connection.
    """
    try:
        printed = host.run(script(text, *hook.arguments, root=may_be_root(host))).out
    except CommandFailed as error:
        result = error.result
        return Told(result.out, {}, [_fault(hook, _said(result.err) or f"code {result.code}")])
    try:
        return Told(printed, parse(printed), [])
    except BadTables as error:
        return Told(printed, {}, [_fault(hook, str(error))])


def judgement(source: Told, target: Told) -> Judgement:
    """Return the judgement on what both sides told; one side alone proves nothing."""
    faults = source.faults or target.faults
    found = Comparison() if faults else compared(source.tables, target.tables)
    judged = judge(found, source.faults, target.faults)
    judged.unit = "tables"
    return judged


def _figures(
    told: Mapping[Side, Told], judged: Judgement, moved: TransferState, seconds: float
) -> dict[str, object]:
    return {
        "verdict": judged.verdict,
        "transfer": moved.run,
        "tables": judged.files,
        **{kind: count for kind, count in judged.counts.items() if kind in _COUNTED},
        **{f"{side}_tables": len(told[side].tables) for side in SIDES},
        **{f"{side}_rows": told[side].rows for side in SIDES},
        "faults": [f"{side}: {fault.reason}" for side in SIDES for fault in told[side].faults],
        "seconds": round(seconds, 3),
    }


_COUNTED = ("missing", "extra", "different")


def _fault(hook: Hook, reason: str) -> Fault:
    return Fault(hook.script.encode(), "unreadable", reason)


def _said(err: bytes) -> str:
    """Return the last line that a program said; the ones before are often warnings."""
    lines = err.decode("utf-8", "backslashreplace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
