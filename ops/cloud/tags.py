"""The suite's tags: their names, and tags as mappings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ops.cloud.calls import ask
from ops.cloud.session import Cloud

if TYPE_CHECKING:
    from mypy_boto3_ec2.literals import ResourceTypeType
    from mypy_boto3_ec2.type_defs import FilterTypeDef, TagSpecificationTypeDef, TagTypeDef

NAME = "Name"
"""What the AWS console shows."""
COMPONENT = "ops:component"
SLOT = "ops:slot"
VOLUME = "ops:volume"
"""A data volume's name in the component's file."""
GENERATION = "ops:generation"
"""Counts the machines that filled a slot."""
RUN = "ops:run"
"""The run that made it."""
SET = "ops:set"
"""The run that took a set of snapshots. Volumes never have it: their tags are copied."""
SET_SIZE = "ops:set-size"
"""How many snapshots of its instance the set had when it was taken: with fewer it is broken."""
SET_SLOTS = "ops:set-slots"
"""How many instances the set's run took snapshots of."""
INSTANCE = "ops:instance"
"""The instance that a snapshot was taken of."""
LEVEL = "ops:level"
"""How consistent a snapshot is: crash, filesystem, application."""
COPY_OF = "ops:copy-of"
"""On a copy in another region: the snapshot that it was copied from."""
TAKEN = "ops:taken"
"""On a copy: when the content was, in ISO 8601."""
TAKEN_OF = "ops:taken-of"
"""On a copy: the volume, as EC2 gives copies one that never was."""
DRILL = "ops:drill"
"""On a volume made from a snapshot to prove or to restore it: the run; it goes when that ends."""
DRILL_OF = "ops:drill-of"
"""On such a volume: the component. Never ops:component, so that nobody takes it for the real."""

ANY = "*"
"""As a wanted value: the tag is there, whatever it says."""

Wanted = Mapping[str, str | Sequence[str]]
"""Tags to look for: all of them, each with this value, or with one of these."""


def listed(tags: Mapping[str, str]) -> list[TagTypeDef]:
    """Return tags as the API wants them, in the order of their names."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def number(tags: Mapping[str, str], name: str) -> int:
    """Return what a tag counts; 1 where it is missing, or says no number."""
    told = tags.get(name, "")
    return int(told) if told.isdecimal() else 1


def mapped(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """Return tags as a mapping; None, which the API gives for no tags, is empty."""
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in tags or ()}


def specified(kinds: Iterable[ResourceTypeType], tags: Mapping[str, str]) -> Any:
    """Return the TagSpecifications that put `tags` on each kind at the moment of making."""
    specifications: list[TagSpecificationTypeDef] = [
        {"ResourceType": kind, "Tags": listed(tags)} for kind in kinds if tags
    ]
    return specifications


def filters(wanted: Wanted) -> list[FilterTypeDef]:
    """Return the filters that select what has all the wanted tags."""
    found: list[FilterTypeDef] = []
    for key in sorted(wanted):
        value = wanted[key]
        if value == ANY:
            found.append({"Name": "tag-key", "Values": [key]})
        else:
            values = [value] if isinstance(value, str) else list(value)
            found.append({"Name": f"tag:{key}", "Values": values})
    return found


def words(wanted: Wanted) -> str:
    """Return wanted tags for a message: `ops:component=wiki ops:slot=main`."""
    return " ".join(f"{key}={wanted[key]}" for key in sorted(wanted))


def put(cloud: Cloud, ids: Sequence[str], tags: Mapping[str, str]) -> None:
    """Set tags on resources; what they already say is overwritten, other tags stay."""
    if ids and tags:
        ask(
            cloud,
            " ".join(ids),
            cloud.ec2.create_tags,
            Resources=list(ids),
            Tags=listed(tags),
        )
