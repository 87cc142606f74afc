"""Pruning against the lab's AWS: what is deleted, what is recorded, what is refused."""

from __future__ import annotations

import pytest
import yaml

from ops.backup import prune
from ops.backup.plan import plan_snapshot
from ops.backup.snapshot import take
from ops.cloud import snapshots, tags
from ops.cloud.session import Cloud
from ops.errors import Incomplete, OpsError, Refused
from ops.inventory.repository import Repository
from ops.lab.aws.faults import Fault
from ops.lab.aws.server import Server
from tests.support.aws import SOON
from tests.support.inventories import edit


@pytest.fixture
def wiki(provisioned: Repository, cloud: Cloud) -> Repository:
    """An inventory whose wiki has three sets of snapshots, and keeps the last."""
    for one in there(cloud):  # of other tests' wikis, at the same AWS
        snapshots.remove(cloud, one)
    declare(provisioned, level="crash", before=[], after=[], copy_to=None, keep={"last": 1})
    for _ in range(3):
        decided = plan_snapshot("wiki", provisioned.component("wiki"), provisioned.state("wiki"))
        take(provisioned, "wiki", decided, patience=SOON)
    return provisioned


def declare(repo: Repository, **policy: object) -> None:
    path = repo.path / "components" / "wiki.yaml"
    component = yaml.safe_load(path.read_text())
    component["backup"] |= policy
    path.write_text(yaml.safe_dump(component))
    repo.git.run("-c", "user.name=p", "-c", "user.email=p@x", "commit", "-qam", "another policy")


def there(cloud: Cloud) -> list[str]:
    return [one.id for one in snapshots.find(cloud, {tags.COMPONENT: "wiki"})]


def newest(repo: Repository) -> list[str]:
    recorded = repo.state("wiki").snapshot
    return list(recorded.ids.values()) if recorded else []


def test_what_no_rule_keeps_is_deleted_and_recorded(wiki: Repository, cloud: Cloud) -> None:
    before = there(cloud)
    decided = prune.plan(wiki, "wiki")
    assert prune.prune(wiki, "wiki", decided) == 2
    assert there(cloud) == newest(wiki)
    record = wiki.record(next(wiki.runs("wiki", "backup.prune")))
    assert record.figures["deleted"] == 2
    assert {step.subject for step in record.steps} == set(before) - set(newest(wiki))
    assert not prune.plan(wiki, "wiki")


def test_a_plan_that_is_no_longer_true_is_refused(wiki: Repository, cloud: Cloud) -> None:
    decided = prune.plan(wiki, "wiki")
    snapshots.remove(cloud, decided.steps[0].subject)
    with pytest.raises(Refused, match="the plan is now"):
        prune.prune(wiki, "wiki", decided)
    assert len(there(cloud)) == 2


def test_an_image_made_meanwhile_protects_its_snapshot_alone(
    wiki: Repository, cloud: Cloud, server: Server
) -> None:
    decided = prune.plan(wiki, "wiki")
    server.faults.add(Fault("DeleteSnapshot", "error", code="InvalidSnapshot.InUse"))
    with pytest.raises(Incomplete, match="an image uses it"):
        prune.prune(wiki, "wiki", decided)
    assert sorted(there(cloud)) == sorted([decided.steps[0].subject, *newest(wiki)])


def test_a_component_without_a_policy_keeps_all(provisioned: Repository) -> None:
    decided = prune.plan(provisioned, "balancer")
    assert not decided and decided.notes == ("no policy is declared: nothing goes",)


def test_a_time_zone_that_does_not_exist_is_told(wiki: Repository) -> None:
    edit(wiki, "site.yaml", "America/Los_Angeles", "Europe/Atlantis")
    again = Repository(wiki.path, wiki.project)
    with pytest.raises(OpsError, match="no time zone Europe/Atlantis"):
        prune.plan(again, "wiki")
