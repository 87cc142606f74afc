"""A snapshot run against the lab's AWS: what it takes, tags and records, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from ops.backup.plan import plan_snapshot
from ops.backup.snapshot import take, together
from ops.cloud import sets, snapshots, tags
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.inventory.repository import Repository
from ops.inventory.schema import SnapshotState
from ops.lab.aws.faults import Fault
from ops.lab.aws.server import Server
from ops.remote.errors import Unreachable
from tests.support.aws import SOON, set_state


def declare(repo: Repository, **policy: object) -> None:
    path = repo.path / "components" / "wiki.yaml"
    component = yaml.safe_load(path.read_text())
    component["backup"] |= {"before": [], "after": [], "copy_to": None, **policy}
    path.write_text(yaml.safe_dump(component))
    repo.git.run("-c", "user.name=p", "-c", "user.email=p@x", "commit", "-qam", "another policy")


def snapshot(repo: Repository) -> SnapshotState:
    plan = plan_snapshot("wiki", repo.component("wiki"), repo.state("wiki"))
    return take(repo, "wiki", plan, patience=SOON)


def taken(cloud: Cloud, repo: Repository) -> tuple[snapshots.Snapshot, ...]:
    return snapshots.find(cloud, {tags.INSTANCE: repo.state("wiki").instances["main"].id})


def test_the_set_is_tagged_recorded_and_signed(provisioned: Repository, cloud: Cloud) -> None:
    declare(provisioned, level="crash", fall_back_to=None)
    made = snapshot(provisioned)
    [one] = taken(cloud, provisioned)
    assert made.ids == {"data": one.id}
    assert (one.tags[tags.SET_SIZE], one.tags[tags.SET_SLOTS]) == ("1", "1")
    assert one.tags[tags.LEVEL] == "crash"
    assert one.tags[tags.RUN] == made.run
    assert provisioned.state("wiki").snapshot == made
    assert provisioned.record(made.run).figures["snapshots"] == 1
    assert provisioned.verify_signature(made.run)


def test_a_run_that_has_lost_an_instance_is_not_complete(provisioned: Repository) -> None:
    declare(provisioned, level="crash", fall_back_to=None)
    assert snapshot(provisioned).complete
    plan = plan_snapshot("wiki", provisioned.component("wiki"), provisioned.state("wiki"))
    [step] = plan.steps
    of_two = replace(step, arguments={**step.arguments, "slots": 2})
    made = take(provisioned, "wiki", replace(plan, steps=(of_two,)), patience=SOON)
    assert not made.complete


def test_a_lost_reply_leaves_one_set(provisioned: Repository, cloud: Cloud, server: Server) -> None:
    declare(provisioned, level="crash", fall_back_to=None)
    server.faults.add(Fault("CreateSnapshots", "lost"))
    made = snapshot(provisioned)
    assert [one.id for one in taken(cloud, provisioned)] == [made.ids["data"]]


def test_a_host_that_cannot_be_frozen_fails_the_backup(
    provisioned: Repository, cloud: Cloud
) -> None:
    declare(provisioned, level="filesystem", fall_back_to=None)
    with pytest.raises(Unreachable):
        snapshot(provisioned)
    assert taken(cloud, provisioned) == ()
    assert provisioned.state("wiki").snapshot is None


def test_the_policy_may_fall_back_and_the_tag_says_so(
    provisioned: Repository, cloud: Cloud
) -> None:
    declare(provisioned, level="filesystem", fall_back_to="crash")
    made = snapshot(provisioned)
    [one] = taken(cloud, provisioned)
    assert made.level == one.tags[tags.LEVEL] == "crash"
    [step] = provisioned.record(made.run).steps
    assert step.facts["fell_back_to"] == "crash"


def test_a_refusal_of_aws_is_recorded_as_failed(provisioned: Repository, server: Server) -> None:
    declare(provisioned, level="crash", fall_back_to=None)
    server.faults.add(Fault("CreateSnapshots", "error", code="UnauthorizedOperation"))
    with pytest.raises(CloudError):
        snapshot(provisioned)
    [newest] = list(provisioned.runs("wiki", "backup.snapshot"))
    assert provisioned.record(newest).verdict == "failed"


def test_a_snapshot_that_ends_in_an_error_fails_the_backup(
    provisioned: Repository, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(provisioned, level="crash", fall_back_to=None)
    label = sets.label

    def and_break(
        of: Cloud, request: sets.Request, made: tuple[snapshots.Snapshot, ...]
    ) -> tuple[snapshots.Snapshot, ...]:
        labelled = label(of, request, made)
        set_state(server, made[0].id, "error")
        return labelled

    monkeypatch.setattr(sets, "label", and_break)
    with pytest.raises(CloudError, match="ended in an error"):
        snapshot(provisioned)
    record = provisioned.record(next(provisioned.runs("wiki", "backup.snapshot")))
    assert record.verdict == "failed" and "data" in record.steps[0].facts["ids"]
    assert provisioned.state("wiki").snapshot is None


def test_a_set_claims_no_level_before_it_is_certain(
    provisioned: Repository, cloud: Cloud, server: Server
) -> None:
    declare(provisioned, level="crash", fall_back_to=None)
    server.faults.add(Fault("CreateTags", "error", code="UnauthorizedOperation"))
    with pytest.raises(CloudError):
        snapshot(provisioned)
    [one] = taken(cloud, provisioned)
    assert one.tags[tags.LEVEL] == "crash"


def test_the_set_is_copied_to_a_second_region_where_declared(
    provisioned: Repository, cloud: Cloud
) -> None:
    declare(provisioned, level="crash", fall_back_to=None, copy_to="us-west-2")
    made = snapshot(provisioned)
    west = replace(cloud, region="us-west-2", _clients={})
    [one] = snapshots.find(west, {tags.COPY_OF: made.ids["data"]})
    west.close()
    assert made.copies == {"data": one.id} == (provisioned.state("wiki").snapshot or made).copies
    assert one.tags[tags.RUN] == made.run


def test_the_sets_of_two_instances_are_as_old_as_the_first_and_as_good_as_the_lowest() -> None:
    def told(at: str, level: str, **other: object) -> SnapshotState:
        return SnapshotState.model_validate({"run": "r", "at": at, "level": level, **other})

    early, late = "2026-11-22T10:00:00Z", "2026-11-22T10:05:00Z"
    one = told(early, "crash", because="a hook failed", ids={"data": "snap-1"})
    other = told(late, "application", unlisted="no answer", ids={"replica.data": "snap-2"})
    both = {**one.model_dump(), "unlisted": "no answer", "ids": {**one.ids, **other.ids}}
    assert together(one, other).model_dump() == together(other, one).model_dump() == both


def test_volumes_of_one_name_on_two_slots_keep_a_snapshot_each(provisioned: Repository) -> None:
    state = provisioned.state("wiki")
    names = {"data": "snap-1", "replica.data": "snap-2"}
    told = {"run": "r", "at": "2026-11-22T10:00:00Z", "level": "crash", "ids": names}
    kept = type(state).model_validate({**state.model_dump(), "snapshot": told}).snapshot
    assert kept is not None and kept.ids == names
