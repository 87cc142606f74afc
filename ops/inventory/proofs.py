"""Which backups are proven to restore: what drills left in a component's state. Pure."""

from __future__ import annotations

from ops.inventory.schema import BackupKind, DrillState, State


def proven(state: State, kind: BackupKind = "snapshot") -> DrillState | None:
    """Return the drill that proved the newest backup of a kind; None when none was ever proven.

    `taken` is when that backup was made, `parts` are what it consists of.
    """
    return state.proven.get(kind)


def proven_ids(state: State) -> frozenset[str]:
    """Return the ids of the newest proven backups of all kinds: EBS's snapshots and restic's."""
    return frozenset(part.backup for drill in state.proven.values() for part in drill.parts)


def with_drill(state: State, kind: BackupKind, drill: DrillState) -> State:
    """Return the state after a drill.

    One that failed takes no earlier proof away, nor does the proof of an older backup.
    """
    known = proven(state, kind)
    newest = known is None or known.taken <= drill.taken
    proofs = {kind: drill} if drill.verdict == "proven" and newest else {}
    return state.model_copy(
        update={
            "drills": {**state.drills, kind: drill},
            "proven": {**state.proven, **proofs},
        }
    )
