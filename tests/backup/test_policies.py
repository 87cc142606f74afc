"""Policies of Data Lifecycle Manager from an inventory, at the lab's AWS."""

from __future__ import annotations

import pytest

from ops.backup import policies
from ops.cloud import lifecycle
from ops.cloud.session import Cloud
from ops.errors import UsageError
from ops.inventory.repository import Repository
from tests.support.inventories import edit

ROLE = "  role: arn:aws:iam::123456789012:role/ops-dlm\n"


@pytest.fixture
def managed(provisioned: Repository, cloud: Cloud) -> Repository:
    """An inventory whose snapshots are DLM's to take; AWS has no policy yet."""
    for one in lifecycle.find(cloud):
        lifecycle.remove(cloud, one.id)
    edit(provisioned, "components/wiki.yaml", "monthly: 12", "monthly: 0")
    edit(provisioned, "components/wiki.yaml", "{last: 2", "{last: 0")
    edit(provisioned, "site.yaml", "engine: cron", "engine: dlm")
    return provisioned


def again(repo: Repository) -> Repository:
    """Return the inventory as it is read anew."""
    return Repository(repo.path, repo.project)


def test_without_a_role_it_is_a_usage_error(managed: Repository) -> None:
    with pytest.raises(UsageError, match="needs a role"):
        policies.plan(again(managed))


def test_policies_are_made_once_drift_is_mended_and_with_cron_they_go(
    managed: Repository, cloud: Cloud
) -> None:
    edit(managed, "site.yaml", "  engine: dlm\n", f"  engine: dlm\n{ROLE}")
    repo = again(managed)
    policies.carry_out(repo, policies.plan(repo))
    [made] = lifecycle.find(cloud)
    assert made.tags == {"ops:component": "wiki"} and not policies.plan(repo)
    lifecycle.update(cloud, made.id, made.role, {**made.details, "ResourceTypes": ["VOLUME"]})
    drifted = policies.plan(repo)
    assert "ResourceTypes[0]: 'VOLUME', not 'INSTANCE'" in drifted.steps[0].words
    policies.carry_out(repo, drifted)
    assert not policies.plan(repo)
    edit(managed, "site.yaml", "engine: dlm", "engine: cron")
    back = again(managed)
    [step] = policies.plan(back).steps
    assert step.effect == "delete"
    policies.carry_out(back, policies.plan(back))
    assert lifecycle.find(cloud) == ()
