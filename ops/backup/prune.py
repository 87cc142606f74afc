"""Delete snapshots as a plan says, and record it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ops import run
from ops.backup.prunable import Found, plan_prune
from ops.cloud import images, snapshots, tags
from ops.cloud.errors import CloudError
from ops.errors import Incomplete, OpsError
from ops.inventory.proofs import proven_ids
from ops.plan import Plan, Step, require

if TYPE_CHECKING:
    from ops.cloud.session import Cloud
    from ops.inventory.repository import Repository

IN_USE = "InvalidSnapshot.InUse"


def plan(repo: Repository, component: str) -> Plan:
    """Return what pruning would delete now, in the region and in the one that copies go to.

    A component without a policy keeps all. Raise CloudError when AWS does not answer.
    """
    declared = repo.component(component).backup
    if declared is None:
        return Plan("backup.prune", component, notes=("no policy is declared: nothing goes",))
    regions = ["", *([declared.copy_to] if declared.copy_to else ())]
    found = [_look(run.cloud(repo, region=region), component) for region in regions]
    proven = proven_ids(repo.state(component))
    return plan_prune(component, declared.keep, time_zone(repo), found, proven)


def prune(
    repo: Repository, component: str, decided: Plan, *, tell: Callable[[Step], None] | None = None
) -> int:
    """Carry out a plan of pruning; return how many snapshots were deleted.

    Raise Refused when the plan would be another one by now, Incomplete when an image made
    meanwhile protects a snapshot; the others are deleted all the same.
    """
    left: list[str] = []
    region_of = cache(lambda region: run.cloud(repo, region=region))

    def delete(step: Step) -> run.Facts:
        cloud = region_of(str(step.arguments["region"]))
        try:
            snapshots.remove(cloud, step.subject)
        except CloudError as error:
            if error.code != IN_USE:
                raise
            left.append(step.subject)
            return {"left": error.message}
        return {"deleted": step.subject}

    with run.begin(repo, "backup.prune", component, {"deletes": len(decided.steps)}) as r:
        require(plan(repo, component), decided.digest)
        r.carry_out(decided, {"snapshot.delete": delete}, tell=tell)
        r.figure("deleted", len(decided.steps) - len(left))
        if left:
            raise Incomplete(
                f"{component}: {' '.join(left)} not deleted: an image uses it since the plan",
                "Look at it with plan=true.",
            )
    return len(decided.steps)


def time_zone(repo: Repository) -> ZoneInfo:
    """Return the time zone that days begin in. Raise OpsError when there is no such zone."""
    name = repo.site().time_zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OpsError(
            f"{repo.path / 'site.yaml'}: there is no time zone {name}",
            "Name one such as America/Los_Angeles in time_zone (package tzdata).",
        ) from None


def _look(cloud: Cloud, component: str) -> Found:
    ours = snapshots.find(cloud, {tags.COMPONENT: component, tags.SET: tags.ANY})
    return Found(cloud.region, ours, images.made_of(cloud))
