"""state/NAME.yaml: what tasks observed about one component. People don't edit it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from ops.inventory.schema.words import Model, Slug

Instant = Annotated[datetime, Field(strict=False)]
"""A moment with its zone, read from ISO 8601."""

Phase = Literal["declared", "provisioned", "rehearsed", "verified", "switched", "retired"]


class VolumeState(Model):
    """An EBS volume of ours."""

    id: str
    size_gib: int
    created_by: str = Field(description="The run that made it; only then may it be formatted.")
    formatted: bool = False


class InstanceState(Model):
    """An EC2 instance of ours."""

    id: str
    generation: int = Field(1, ge=1, description="Counts the machines that filled this slot.")
    type: str
    zone: str
    image: str
    group: str = Field(description="Its security group.")
    private_address: str
    public_address: str | None = None
    public_name: str | None = None
    host_key: str | None = Field(None, description="SHA256 fingerprint of the pinned host key.")
    ready: bool = Field(False, description="Provisioned to its end.")
    volumes: dict[Slug, VolumeState] = Field(default_factory=dict)


class TransferState(Model):
    """The last transfer of a data set."""

    run: str
    started: Instant
    finished: Instant
    verdict: Literal["done", "incomplete", "failed"]
    files: int
    bytes: int
    seconds: float


class VerificationState(Model):
    """The last verification of a data set."""

    run: str
    at: Instant
    verdict: Literal["same", "same-as-of", "different", "incomplete"]
    files: int
    bytes: int


class SnapshotState(Model):
    """The last set of snapshots."""

    run: str
    at: Instant
    level: Literal["crash", "filesystem", "application"]
    ids: dict[Slug, str] = Field(description="Snapshot by volume.")


class State(Model):
    """state/NAME.yaml as a whole; a component without a file has the empty state."""

    phase: Phase = "declared"
    instances: dict[Slug, InstanceState] = Field(default_factory=dict)
    transfers: dict[Slug, TransferState] = Field(default_factory=dict)
    verifications: dict[Slug, VerificationState] = Field(default_factory=dict)
    snapshot: SnapshotState | None = None
    runs: dict[str, str] = Field(
        default_factory=dict, description="The last run of each task, by task."
    )
