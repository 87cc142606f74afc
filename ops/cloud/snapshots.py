"""Snapshots that are there: found by their tags, waited for, removed. See sets for new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ops.cloud.calls import Wait, ask, pages, until, utc
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.cloud.tags import (
    Wanted,
    filters,
    mapped,
    words,
)


@dataclass(frozen=True)
class Snapshot:
    """A snapshot as EC2 describes it."""

    id: str
    volume: str
    state: str
    """pending, completed, error, recoverable or recovering."""
    progress: str
    size_gib: int
    encrypted: bool
    description: str
    reason: str
    started: datetime | None
    tags: Mapping[str, str] = field(default_factory=dict)


def find(cloud: Cloud, wanted: Wanted, *, once: bool = False) -> tuple[Snapshot, ...]:
    """Return our own snapshots with all the wanted tags, sorted by id; asked `once` or patiently.

    Raise ValueError without tags: an account may see everybody's public snapshots.
    """
    if not wanted:
        raise ValueError("snapshots are asked for by tag only")
    call = cloud.ec2_once.describe_snapshots if once else cloud.ec2.describe_snapshots
    given: dict[str, Any] = {
        "OwnerIds": ["self"],
        "Filters": filters(wanted),
        "PaginationConfig": {"PageSize": 1000},
    }
    answers = pages(cloud, words(wanted), call, **given)
    found = [snapshot_of(one) for page in answers for one in page["Snapshots"]]
    return tuple(sorted(found, key=lambda snapshot: snapshot.id))


def wait(
    cloud: Cloud, wanted: Wanted, count: int, patience: Wait | None = None
) -> tuple[Snapshot, ...]:
    """Wait until the `count` snapshots with these tags are completed; return them.

    Large volumes take hours the first time. Raise CloudError (BadState) as soon as one
    ends in an error.
    """

    def look() -> tuple[Snapshot, ...] | None:
        seen = find(cloud, wanted)
        for snapshot in seen:
            _refuse_bad(snapshot)
        whole = len(seen) >= count and all(one.state == "completed" for one in seen)
        return seen if whole else None

    return until(patience or Wait(15, 2400), look, subject=words(wanted), goal="completed")


def remove(cloud: Cloud, snapshot_id: str) -> None:
    """Delete a snapshot; gone already is no error. Raise CloudError when an image uses it."""
    try:
        ask(cloud, snapshot_id, cloud.ec2.delete_snapshot, SnapshotId=snapshot_id)
    except CloudError as error:
        if error.code != "InvalidSnapshot.NotFound":
            raise


def _refuse_bad(snapshot: Snapshot) -> None:
    if snapshot.state == "error":
        raise CloudError(
            "BadState",
            "",
            snapshot.id,
            f"the snapshot of {snapshot.volume} ended in an error:"
            f" {snapshot.reason or 'no reason given'}",
            "It holds nothing: take a new backup; `backup.prune` removes it.",
        )


def snapshot_of(described: Mapping[str, Any]) -> Snapshot:
    """Return what a reply of EC2 tells of a snapshot."""
    return Snapshot(
        id=described["SnapshotId"],
        volume=described.get("VolumeId", ""),
        state=described.get("State", ""),
        progress=described.get("Progress", ""),
        size_gib=int(described.get("VolumeSize", 0)),
        encrypted=bool(described.get("Encrypted", False)),
        description=described.get("Description", ""),
        reason=described.get("StateMessage", ""),
        started=utc(described.get("StartTime")),
        tags=mapped(described.get("Tags")),
    )
