"""Copies of snapshots in another region: one of each, found by what it was copied from.

CopySnapshot takes no client token either: it is sent once, and after a lost reply the copy is
looked for by its tag before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Sequence

from ops.cloud import snapshots
from ops.cloud.calls import Wait, ask, until
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.cloud.sets import LOST_REPLY
from ops.cloud.snapshots import Snapshot
from ops.cloud.tags import COPY_OF, TAKEN, TAKEN_OF, specified


def copy(cloud: Cloud, source: Snapshot, region: str, lost_reply: Wait = LOST_REPLY) -> str:
    """Return the id of the copy of `source`, a complete snapshot of `region`, made if needed.

    It is made in the region of `cloud` and gets the source's tags, and its moment and volume
    as tags, since EC2 gives copies others. It is not complete yet: see `wait`.
    """
    if there := _found(cloud, source):
        return there
    try:
        return _send(cloud, source, region)
    except CloudError as error:
        if not error.uncertain:
            raise
    return _lost(cloud, source, lost_reply) or _send(cloud, source, region)


def wait(cloud: Cloud, sources: Sequence[str], patience: Wait | None = None) -> dict[str, str]:
    """Wait until the copies of all sources are complete; return the copy's id by its source.

    Raise CloudError (BadState) when one ends in an error.
    """
    made = snapshots.wait(cloud, {COPY_OF: list(sources)}, len(sources), patience)
    return {one.tags[COPY_OF]: one.id for one in made}


def _found(cloud: Cloud, source: Snapshot) -> str | None:
    found = snapshots.find(cloud, {COPY_OF: source.id})
    return next((one.id for one in found if one.state != "error"), None)


def _lost(cloud: Cloud, source: Snapshot, patience: Wait) -> str | None:
    """Return the copy whose reply was lost; None when none was made."""
    try:
        return until(patience, lambda: _found(cloud, source), subject=source.id, goal="seen")
    except CloudError as error:
        if error.code != "WaitTimedOut":
            raise
        return None


def _send(cloud: Cloud, source: Snapshot, region: str) -> str:
    taken = source.started.isoformat() if source.started else ""
    own = {COPY_OF: source.id, TAKEN: taken, TAKEN_OF: source.volume}
    kept = {key: value for key, value in source.tags.items() if not key.startswith("aws:")}
    given = {"Encrypted": True} if source.encrypted else {}
    reply = ask(
        cloud,
        source.id,
        cloud.ec2_once.copy_snapshot,
        SourceRegion=region,
        SourceSnapshotId=source.id,
        Description=source.description,
        TagSpecifications=specified(["snapshot"], {**kept, **own}),
        **given,  # type: ignore[arg-type] # a TypedDict, in parts
    )
    return reply["SnapshotId"]
