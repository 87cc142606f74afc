"""Remove archives that no rule keeps: from the controller, with credentials that hosts lack."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING

from ops import run
from ops.backup import archives, restic
from ops.backup.prune import time_zone
from ops.backup.retention import Taken, decide
from ops.inventory.proofs import proven_ids
from ops.inventory.schema import Keep
from ops.plan import Plan, Step, require

if TYPE_CHECKING:
    from ops.inventory.repository import Repository


def plan(repo: Repository, name: str) -> Plan:
    """Return what pruning the archives would remove now; nothing where none are declared.

    Raise OpsError where nobody may remove, or the repository can't be reached.
    """
    policy = repo.component(name).backup
    if policy is None or policy.archive is None:
        return Plan("backup.prune", name, notes=("no archive is declared",))
    found = archives.listed(repo, name)
    return plan_archives(name, found, policy.keep, time_zone(repo), proven_ids(repo.state(name)))


def plan_archives(
    name: str,
    found: Iterable[restic.Archived],
    keep: Keep,
    zone: tzinfo,
    proven: frozenset[str],
) -> Plan:
    """Return the plan that removes what no rule keeps, the oldest first; notes say what stays.

    Hosts are asked for each slot by itself. The newest proven and the last of a slot stay.
    """
    steps: list[Step] = []
    notes: list[str] = []
    by_id = {one.id: one for one in found}
    for slot in sorted({one.slot for one in by_id.values()}):
        taken = [Taken(one.id, one.at) for one in by_id.values() if one.slot == slot]
        for place, decided in enumerate(decide(taken, keep, zone)):
            one = decided.taken
            words = f"archive {one.id[:8]} of {slot}, {one.at.astimezone(zone):%Y-%m-%d %H:%M}"
            reasons = [*decided.reasons]
            reasons += ["the newest proven"] if one.id in proven else []
            reasons += ["the last of its host"] if not place else []
            if reasons:
                notes.append(f"keep {words}: {', '.join(reasons)}")
            else:
                line = f"remove {words}: no rule keeps it"
                steps.append(Step("archive.remove", one.id, line, {}, "delete"))
    return Plan(
        "backup.prune", name, tuple(reversed(steps)), {"keep": keep.model_dump()}, tuple(notes)
    )


def prune(
    repo: Repository, name: str, decided: Plan, *, tell: Callable[[Step], None] | None = None
) -> int:
    """Carry out a plan; return how many archives were removed, with what only they held.

    Raise Refused when the plan would be another one by now.
    """
    going = [step.subject for step in decided.steps]

    def remove(step: Step) -> None:
        if step.subject == going[0]:  # one pass over the repository for all
            archives.forget(repo, name, going)

    with run.begin(repo, "backup.prune", name, {"archives": len(decided.steps)}) as r:
        require(plan(repo, name), decided.digest)
        r.carry_out(decided, {"archive.remove": remove}, tell=tell)
        r.figure("deleted", len(going))
    return len(going)
