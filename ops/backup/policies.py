"""The policies of Data Lifecycle Manager: looked at, planned, made as the inventory wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ops import run
from ops.backup import dlm
from ops.cloud import lifecycle, tags
from ops.errors import UsageError
from ops.plan import Plan, Step, require

if TYPE_CHECKING:
    from ops.inventory.repository import Repository


def plan(repo: Repository) -> Plan:
    """Return the plan that makes DLM's policies as declared; with engine cron, that removes them.

    Raise UsageError when site.yaml names no role for them.
    """
    settings = repo.site().schedule
    components = repo.components() if settings.engine == "dlm" else {}
    wishes = dlm.wanted(components, {name: repo.state(name) for name in components})
    if wishes and settings.role is None:
        raise UsageError(
            "Data Lifecycle Manager needs a role", "Name it in schedule.role of site.yaml."
        )
    found = [
        dlm.Existing(one.id, one.tags[tags.COMPONENT], one.state, one.role, one.details)
        for one in lifecycle.find(run.cloud(repo))
    ]
    return dlm.plan(wishes, found, settings.role or "")


def carry_out(repo: Repository, decided: Plan) -> None:
    """Make, change and delete policies as planned, and record it.

    Raise Refused when the plan would be another one by now.
    """
    cloud = run.cloud(repo)

    def create(step: Step) -> run.Facts:
        told: Any = step.arguments
        return {"id": lifecycle.create(cloud, told["component"], told["role"], told["details"])}

    def update(step: Step) -> run.Facts:
        told: Any = step.arguments
        lifecycle.update(cloud, step.subject, told["role"], told["details"])
        return {"id": step.subject}

    def delete(step: Step) -> run.Facts:
        lifecycle.remove(cloud, step.subject)
        return {"deleted": step.subject}

    with run.begin(repo, "backup.schedule", arguments={"engine": "dlm"}) as r:
        require(plan(repo), decided.digest)
        r.carry_out(decided, {"dlm.create": create, "dlm.update": update, "dlm.delete": delete})
