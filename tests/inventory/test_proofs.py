"""Which backups are proven."""

from __future__ import annotations

from typing import Any

from ops.inventory.proofs import proven, proven_ids, with_drill
from ops.inventory.schema import DrillState, State

EMPTY = State.model_validate({})


def drill(backup: str, taken: str, **other: Any) -> DrillState:
    part = {"slot": "main", "name": "data", "backup": backup, "verdict": "proven"}
    told = {"run": "r", "at": "2026-11-22T12:00:00Z", "of": "s", "seconds": 1.0, "parts": [part]}
    return DrillState.model_validate({**told, "taken": taken, "verdict": "proven", **other})


OLD = drill("snap-1", "2026-11-20T02:00:00Z")
NEW = drill("snap-2", "2026-11-21T02:00:00Z")


def test_a_component_that_was_never_drilled_has_nothing_proven() -> None:
    assert proven(EMPTY) is None and proven_ids(EMPTY) == frozenset()


def test_the_newest_backup_counts_whichever_was_drilled_last() -> None:
    for order in ((OLD, NEW), (NEW, OLD)):
        state = EMPTY
        for each in order:
            state = with_drill(state, "snapshot", each)
        assert proven(state) == NEW and state.drills["snapshot"] == order[-1]


def test_a_drill_that_failed_takes_no_proof_away() -> None:
    failed = drill("snap-2", "2026-11-21T02:00:00Z", verdict="different")
    state = with_drill(with_drill(EMPTY, "snapshot", OLD), "snapshot", failed)
    assert proven(state) == OLD and state.drills["snapshot"] == failed


def test_kinds_are_proven_each_for_itself() -> None:
    state = with_drill(
        with_drill(EMPTY, "snapshot", OLD), "archive", drill("9f3c", "2026-11-22T00:00:00Z")
    )
    assert proven_ids(state) == {"snap-1", "9f3c"}
