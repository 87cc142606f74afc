"""state/NAME.yaml: what tasks observed about one component. People don't edit it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from ops.inventory.schema.words import Level, Model, SlotVolume, Slug

Instant = Annotated[datetime, Field(strict=False)]
"""A moment with its zone, read from ISO 8601."""

Phase = Literal["declared", "provisioned", "rehearsed", "verified", "switched", "retired"]

BackupKind = Literal["snapshot", "archive"]
"""A set of EBS snapshots of the cloud side, or restic's snapshots of the campus side."""

DrillVerdict = Literal["proven", "different", "failed"]
"""proven: restored, every file as it was, the application answers; different: some file is not."""


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


class ReplacementState(Model):
    """A replacement under way: from its first step until all has been switched."""

    old: InstanceState = Field(description="The instance that is replaced.")
    key: str | None = Field(
        None, description="Its public host key: going back makes it known by that again."
    )
    ran: bool = Field(description="It ran at the beginning: going back starts it again.")
    gone: bool = Field(False, description="It had ended: there is no way back to it.")
    silent: Instant | None = Field(
        None, description="When it was told to stop; the beginning, where it did not run."
    )
    snapshots: dict[Slug, str] = Field(
        default_factory=dict, description="What volumes are made from instead of moved."
    )
    successor: InstanceState | None = None
    switched: bool = Field(False, description="The successor has the name; no way back.")


class FormerState(Model):
    """An instance that no longer is its slot's, kept stopped."""

    slot: Slug
    generation: int
    why: Literal["replaced", "given up"]
    since: Instant
    run: str


class RetirementState(Model):
    """A component that was given up: stopped, and ended after the declared days."""

    run: str
    since: Instant = Field(description="When its instances were stopped.")
    due: Instant = Field(description="When they may be terminated.")
    snapshots: dict[SlotVolume, str] = Field(description="The last snapshot by volume.")
    ended: Instant | None = None


class TransferState(Model):
    """The last transfer of a data set."""

    run: str
    started: Instant
    finished: Instant
    verdict: Literal["done", "incomplete", "different", "failed"]
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
    at: Instant = Field(description="When AWS began it; of several instances, the first.")
    level: Level = Field(description="What was reached; of several instances, the lowest.")
    because: str = Field("", description="Why the level is below the declared one.")
    ids: dict[SlotVolume, str] = Field(
        description="Snapshot by volume: `data`, and `SLOT.data` on slots other than main."
    )
    copies: dict[SlotVolume, str] = Field(
        default_factory=dict, description="Its copy in the second region, by volume."
    )
    unlisted: str = Field(
        "", description="Why there is no manifest, so that no drill can prove it."
    )
    complete: bool = Field(True, description="All instances' volumes are in it.")


class UnsoundState(Model):
    """A part of a repository that could not be read back."""

    part: str = Field(description="Which one of how many: 3/20.")
    run: str


class ArchiveState(Model):
    """The last archive of the campus side."""

    run: str
    at: Instant = Field(description="When reading began.")
    repository: str = Field("", description="As declared then: it is made once, and never anew.")
    ids: dict[Slug, str] = Field(description="restic's snapshot by campus host.")
    files: int
    bytes: int
    complete: bool = Field(True, description="All hosts, all files, and a part read back.")
    part: int = Field(0, description="The last part of the repository that was read whole.")
    unsound: UnsoundState | None = Field(
        None, description="What could not be read, until that part is read whole."
    )


class DrilledPart(Model):
    """One volume, or one campus host's archive, that a drill restored."""

    slot: Slug = Field(description="Of the instance, or of the campus host.")
    name: str = Field(description="The volume; for an archive the data sets, with commas.")
    backup: str = Field(description="EBS's snapshot id, or restic's.")
    verdict: DrillVerdict
    files: int = Field(0, description="Files whose content was held against the manifest.")
    bytes: int = 0
    moving: int = Field(0, description="Files written to at that moment: restored, not compared.")


class DrillState(Model):
    """A restore that was tried: of which backup, and what came of it."""

    run: str
    at: Instant
    of: str = Field(description="The run that made the backup.")
    taken: Instant = Field(description="When the backup was made.")
    verdict: DrillVerdict
    seconds: float = Field(description="Recovery time: from the order to data that answers.")
    parts: list[DrilledPart] = Field(default_factory=list)


class State(Model):
    """state/NAME.yaml as a whole; a component without a file has the empty state."""

    phase: Phase = "declared"
    instances: dict[Slug, InstanceState] = Field(default_factory=dict)
    replacements: dict[Slug, ReplacementState] = Field(
        default_factory=dict, description="Replacements under way, by slot."
    )
    former: dict[str, FormerState] = Field(
        default_factory=dict, description="Instances that are no longer used, by id."
    )
    retirement: RetirementState | None = None
    transfers: dict[Slug, TransferState] = Field(default_factory=dict)
    verifications: dict[Slug, VerificationState] = Field(default_factory=dict)
    snapshot: SnapshotState | None = None
    archive: ArchiveState | None = None
    drills: dict[BackupKind, DrillState] = Field(
        default_factory=dict, description="The last drill of each kind of backup."
    )
    proven: dict[BackupKind, DrillState] = Field(
        default_factory=dict, description="The drill that proved the newest backup proven so far."
    )
    runs: dict[str, str] = Field(
        default_factory=dict, description="The last run of each task, by task."
    )
