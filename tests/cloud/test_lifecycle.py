"""Policies of Data Lifecycle Manager, at a stand-in that botocore's model checks requests for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.cloud import lifecycle
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud

ROLE = "arn:aws:iam::123456789012:role/ops-dlm"
SCHEDULE = {
    "Name": "wiki daily",
    "CreateRule": {"CronExpression": "cron(15 2 * * ? *)"},
    "RetainRule": {"Count": 7},
}
DETAILS = {
    "PolicyType": "EBS_SNAPSHOT_MANAGEMENT",
    "ResourceTypes": ["INSTANCE"],
    "TargetTags": [{"Key": "ops:component", "Value": "wiki"}],
    "Schedules": [SCHEDULE],
}


@pytest.fixture
def empty(cloud: Cloud, name: str) -> Cloud:
    """A region where no other test has policies."""
    for one in lifecycle.find(cloud):
        lifecycle.remove(cloud, one.id)
    return cloud


def test_a_policy_is_made_found_changed_and_removed(empty: Cloud) -> None:
    made = lifecycle.create(empty, "wiki", ROLE, DETAILS)
    [found] = lifecycle.find(empty)
    assert (found.id, found.state, found.role) == (made, "ENABLED", ROLE)
    assert found.tags == {"ops:component": "wiki"}
    assert found.details["Schedules"] == [SCHEDULE]
    other = {**DETAILS, "Schedules": [{**SCHEDULE, "RetainRule": {"Count": 8}}]}
    lifecycle.update(empty, made, ROLE, other)
    assert lifecycle.find(empty)[0].details["Schedules"][0]["RetainRule"] == {"Count": 8}
    lifecycle.remove(empty, made)
    assert lifecycle.find(empty) == ()


def test_policies_are_those_of_their_region(empty: Cloud) -> None:
    lifecycle.create(empty, "wiki", ROLE, DETAILS)
    west = replace(empty, region="us-west-2", _clients={})
    assert lifecycle.find(west) == ()
    west.close()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("CreateRule", {"CronExpression": "15 2 * * *"}),
        ("RetainRule", {"Count": "seven"}),
        ("Name", "wiki/daily"),
    ],
)
def test_what_botocores_model_does_not_allow_is_refused(
    empty: Cloud, key: str, value: object
) -> None:
    with pytest.raises(CloudError):
        lifecycle.create(empty, "wiki", ROLE, {**DETAILS, "Schedules": [{**SCHEDULE, key: value}]})
    assert lifecycle.find(empty) == ()


def test_a_policy_that_is_gone_is_told(empty: Cloud) -> None:
    with pytest.raises(CloudError, match="ResourceNotFoundException"):
        lifecycle.update(empty, "policy-0123456789abcdef0", ROLE, DETAILS)
