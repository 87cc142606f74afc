"""Policies of Data Lifecycle Manager that are ours: found by their tag, made, changed, removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.cloud.calls import ask
from ops.cloud.session import Cloud
from ops.cloud.tags import COMPONENT


@dataclass(frozen=True)
class Policy:
    """A policy as DLM tells of it: state ENABLED, DISABLED or ERROR."""

    id: str
    state: str
    role: str
    details: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)


def find(cloud: Cloud) -> tuple[Policy, ...]:
    """Return all policies with our tag, sorted by id."""
    reply = ask(cloud, "DLM policies", cloud.dlm.get_lifecycle_policies)
    ours = [one["PolicyId"] for one in reply["Policies"] if COMPONENT in one.get("Tags", {})]
    return tuple(_get(cloud, policy_id) for policy_id in sorted(ours))


def create(cloud: Cloud, component: str, role: str, details: Mapping[str, Any]) -> str:
    """Make a component's policy, in force at once; return its id."""
    reply = ask(
        cloud,
        component,
        cloud.dlm.create_lifecycle_policy,
        ExecutionRoleArn=role,
        Description=f"ops-suite {component}",
        State="ENABLED",
        PolicyDetails=dict(details),
        Tags={COMPONENT: component},
    )
    return str(reply["PolicyId"])


def update(cloud: Cloud, policy_id: str, role: str, details: Mapping[str, Any]) -> None:
    """Make a policy what it should be, and put it in force."""
    ask(
        cloud,
        policy_id,
        cloud.dlm.update_lifecycle_policy,
        PolicyId=policy_id,
        ExecutionRoleArn=role,
        State="ENABLED",
        PolicyDetails=dict(details),
    )


def remove(cloud: Cloud, policy_id: str) -> None:
    """Delete a policy; the snapshots that it made stay."""
    ask(cloud, policy_id, cloud.dlm.delete_lifecycle_policy, PolicyId=policy_id)


def _get(cloud: Cloud, policy_id: str) -> Policy:
    told = ask(cloud, policy_id, cloud.dlm.get_lifecycle_policy, PolicyId=policy_id)["Policy"]
    return Policy(
        told["PolicyId"],
        told["State"],
        told.get("ExecutionRoleArn", ""),
        told.get("PolicyDetails", {}),
        told.get("Tags", {}),
    )
