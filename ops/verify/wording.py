"""Verifications in words and as JSON data. Names come out as printable text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ops import quantities
from ops.escapes import escape

if TYPE_CHECKING:
    from ops.verify.differences import Comparison, Difference
    from ops.verify.faults import Fault
    from ops.verify.verdict import Judgement

SHOWN = 50
"""Lines of one kind on the screen; the file of differences holds all."""


def headline(
    name: str, judged: Judgement, as_of: datetime, seconds: float, read: float = 1.0
) -> str:
    """Return the one line on a data set; `read` is the share of its bytes that was read now."""
    verdict = judged.verdict.replace("-", " ")
    if judged.verdict == "same-as-of":
        verdict += f" {as_of.isoformat(' ', 'seconds')}"
    size = f", {quantities.size(judged.bytes)}" if judged.unit == "files" else ""
    parts = [f"{quantities.number(judged.files)} {judged.unit}{size} the same"]
    parts += [
        f"{quantities.number(count)} {kind.replace('_', ' ')}"
        for kind, count in judged.counts.items()
        if count
    ]
    parts += [] if read >= 1 else [f"{read:.0%} of the bytes read again"]
    return f"{name}: {verdict}: {', '.join([*parts, quantities.span(seconds)])}"


def judgement(judged: Judgement, shown: int | None = SHOWN) -> Iterator[str]:
    """Yield a line for each thing found, `shown` of a kind at most; the worst first."""
    yield from _first((difference(each) for each in judged.differences), shown)
    yield from _first((fault(each, side) for side, each in judged.corrupted), shown)
    yield from _first((fault(each, "source") for each in judged.source_faults), shown)
    yield from _first((fault(each, "target") for each in judged.target_faults), shown)
    yield from _first((not_entered(*each) for each in judged.not_entered), shown)
    since = (difference(each) for each in judged.changed_since)
    yield from _first((f"changed since: {line}" for line in since), shown)
    yield from _first((difference(each) for each in judged.metadata), shown)


def comparison(found: Comparison, shown: int | None = SHOWN) -> Iterator[str]:
    """Yield a line for each difference, metadata last."""
    weighty = (d for d in found.differences if d.kind != "metadata")
    yield from _first((difference(each) for each in weighty), shown)
    yield from _first((difference(each) for each in found.of("metadata")), shown)


def difference(found: Difference) -> str:
    """Return a difference as a line: `missing ./a`, `moved ./a to ./b`."""
    to = f" to {escape(found.to)}" if found.to else ""
    words = f" ({found.words})" if found.words else ""
    return f"{found.kind} {escape(found.path)}{to}{words}"


def fault(found: Fault, side: str = "") -> str:
    """Return a fault as a line: `unreadable on the source ./a (Permission denied)`."""
    where = f" on the {side}" if side else ""
    words = f" ({found.reason})" if found.reason else ""
    return f"{found.kind}{where} {escape(found.path)}{words}"


def not_entered(side: str, folder: bytes) -> str:
    """Return the line on a folder on which another file system is mounted."""
    return f"not entered on the {side} {escape(folder)} (another file system)"


def data(found: Difference) -> dict[str, object]:
    """Return a difference as JSON data."""
    return {
        "path": escape(found.path),
        "kind": found.kind,
        **({"words": found.words} if found.words else {}),
        **({"to": escape(found.to)} if found.to else {}),
    }


def judgement_data(judged: Judgement, as_of: datetime) -> dict[str, object]:
    """Return a judgement as JSON data, with every name."""
    return {
        "verdict": judged.verdict,
        "as_of": as_of.isoformat(),
        judged.unit: judged.files,
        "bytes": judged.bytes,
        "counts": judged.counts,
        "differences": [data(each) for each in judged.differences],
        "changed_since": [data(each) for each in judged.changed_since],
        "metadata": [data(each) for each in judged.metadata],
        "not_entered": [
            {"side": side, "path": escape(folder)} for side, folder in judged.not_entered
        ],
        "corrupted": [{"side": side, **fault_data(each)} for side, each in judged.corrupted],
        "faults": [
            {"side": side, **fault_data(each)}
            for side, faults in (("source", judged.source_faults), ("target", judged.target_faults))
            for each in faults
        ],
    }


def fault_data(found: Fault) -> dict[str, object]:
    """Return a fault as JSON data."""
    return {"path": escape(found.path), "kind": found.kind, "reason": found.reason}


def _first(lines: Iterable[str], shown: int | None) -> Iterator[str]:
    more = 0
    for number, line in enumerate(lines):
        if shown is None or number < shown:
            yield line
        else:
            more += 1
    if more:
        yield f"... and {quantities.number(more)} more"
