"""Sets of snapshots: one of an instance's data volumes, found by its run, never made twice.

CreateSnapshots takes no client token, and botocore would send it again when a reply is
lost: two sets. So it is sent once, and after a lost reply the set is looked for by the
tags of its run before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from ops.cloud import instances, volumes
from ops.cloud.calls import Wait, ask, until
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.cloud.snapshots import Snapshot, find, snapshot_of
from ops.cloud.tags import INSTANCE, SET, SET_SIZE, put, specified

READ = 8
"""Seconds to wait for an answer while file systems are frozen: well below the freeze's limit."""

LOST_REPLY = Wait(delay=3, attempts=15)
"""How long a set may take to be seen after its reply was lost."""


@dataclass(frozen=True)
class Request:
    """Everything one CreateSnapshots call asks for: the data volumes of one instance.

    `run` and the instance become tags of their own (`ops:set`, `ops:instance`); they are
    how the set is found again. Each snapshot gets its volume's tags as well, and where
    those say otherwise `tags` win. `exclude` names data volumes to leave out; the root
    volume is left out always.
    """

    instance: str
    run: str
    tags: Mapping[str, str]
    description: str = ""
    exclude: tuple[str, ...] = ()

    @property
    def found_by(self) -> dict[str, str]:
        """Return the tags that select this set and no other."""
        return {SET: self.run, INSTANCE: self.instance}


@dataclass(frozen=True)
class Prepared:
    """A request with what there is: taking it needs one call, so file systems freeze briefly."""

    request: Request
    data: tuple[volumes.Volume, ...]
    found: tuple[Snapshot, ...]
    """The set, when an earlier attempt of this run has made it."""


def prepare(cloud: Cloud, request: Request) -> Prepared:
    """Look at the instance's volumes and at what the run has made of them so far.

    Raise CloudError: InvalidInstanceID.NotFound; NothingToDo when there are no data
    volumes; PartialSet when the run has snapshots of some of the volumes only.
    """
    data = _data_volumes(cloud, request)
    return Prepared(request, data, _whole(find(cloud, request.found_by), data))


def take(cloud: Cloud, prepared: Prepared, lost_reply: Wait = LOST_REPLY) -> tuple[Snapshot, ...]:
    """Take one snapshot of each data volume, all of one moment, unless the set is there.

    One call, and no other while the reply comes. They are not complete yet: see `wait`.
    """
    request, data = prepared.request, prepared.data
    if prepared.found:
        return prepared.found
    try:
        return _send(cloud, request, data)
    except CloudError as error:
        if not error.uncertain:
            raise
    return lost(cloud, prepared, lost_reply) or _send(cloud, request, data)


def attempt(brisk: Cloud, prepared: Prepared) -> tuple[Snapshot, ...]:
    """Take the set by one call that is neither repeated nor waited for: file systems are frozen.

    When the answer was cut off, one look shows whether the set is there: what is seen while all
    is frozen was taken while all was frozen. Give a session that `briskly` returned. Raise
    CloudError: throttled, nothing was done; `uncertain`, ask `lost` once all has thawed.
    """
    try:
        return _send(brisk, prepared.request, prepared.data)
    except CloudError as error:
        if not error.uncertain or error.code == "ReadTimeout":
            raise
        with suppress(CloudError):
            if seen := warm(brisk, prepared.request):
                return _whole(seen, prepared.data)
        raise


def lost(cloud: Cloud, prepared: Prepared, patience: Wait = LOST_REPLY) -> tuple[Snapshot, ...]:
    """Return the set whose reply was lost; empty when none was made, as far as can be seen."""
    return _whole(_lost(cloud, prepared.request, patience), prepared.data)


def warm(brisk: Cloud, request: Request) -> tuple[Snapshot, ...]:
    """Return what there is of a set, by the connection that `attempt` uses: it is open then."""
    return find(brisk, request.found_by, once=True)


@contextmanager
def briskly(cloud: Cloud) -> Iterator[Cloud]:
    """Give the same session for what is done while frozen: one try, and READ seconds for it."""
    brisk = replace(cloud, attempts=1, throttle_delays=(), read_seconds=READ, _clients={})
    try:
        yield brisk
    finally:
        brisk.close()


def label(cloud: Cloud, request: Request, taken: tuple[Snapshot, ...]) -> tuple[Snapshot, ...]:
    """Return the set with the request's tags on it, all of them.

    Which value wins when a tag is both copied and asked for is not documented: so such
    tags are not asked for, and what is missing afterwards is put on here.
    """
    wrong = [one.id for one in taken if not request.tags.items() <= dict(one.tags).items()]
    put(cloud, wrong, request.tags)
    return tuple(replace(one, tags={**one.tags, **request.tags}) for one in taken)


def create_set(
    cloud: Cloud, request: Request, lost_reply: Wait = LOST_REPLY
) -> tuple[Snapshot, ...]:
    """Prepare, take and label a set; the same request again returns the set that is there."""
    prepared = prepare(cloud, request)
    return label(cloud, request, take(cloud, prepared, lost_reply))


def _data_volumes(cloud: Cloud, request: Request) -> tuple[volumes.Volume, ...]:
    instance = instances.get(cloud, request.instance)
    if instance is None:
        code = "InvalidInstanceID.NotFound"
        raise CloudError(code, "CreateSnapshots", request.instance, "no such instance")
    data = [
        volume
        for volume in volumes.attached_to(cloud, request.instance)
        if volume.device != instance.root_device and volume.id not in request.exclude
    ]
    if not data:
        raise CloudError(
            "NothingToDo",
            "CreateSnapshots",
            request.instance,
            "the instance has no data volumes",
            "Is everything attached? Look with `fab provision.drift`.",
        )
    return tuple(data)


def _send(cloud: Cloud, request: Request, data: Sequence[volumes.Volume]) -> tuple[Snapshot, ...]:
    copied = {key for volume in data for key in volume.tags}
    own = {key: value for key, value in request.tags.items() if key not in copied}
    specification: dict[str, Any] = {"InstanceId": request.instance, "ExcludeBootVolume": True}
    if request.exclude:
        specification["ExcludeDataVolumeIds"] = list(request.exclude)
    reply = ask(
        cloud,
        request.instance,
        cloud.ec2_once.create_snapshots,
        InstanceSpecification=specification,  # type: ignore[arg-type] # a TypedDict, in parts
        Description=request.description,
        TagSpecifications=specified(
            ["snapshot"], {**own, **request.found_by, SET_SIZE: str(len(data))}
        ),
        CopyTagsFromSource="volume",
    )
    made = (snapshot_of(one) for one in reply["Snapshots"])
    return tuple(sorted(made, key=lambda snapshot: snapshot.id))


def _lost(cloud: Cloud, request: Request, patience: Wait) -> tuple[Snapshot, ...]:
    """Return what there is of the set whose reply was lost; empty when nothing was made."""

    def look() -> tuple[Snapshot, ...] | None:
        return find(cloud, request.found_by) or None

    try:
        return until(patience, look, subject=request.instance, goal="seen")
    except CloudError as error:
        if error.code != "WaitTimedOut":
            raise
        return ()


def _whole(found: tuple[Snapshot, ...], data: Sequence[volumes.Volume]) -> tuple[Snapshot, ...]:
    missing = {volume.id for volume in data} - {snapshot.volume for snapshot in found}
    if found and missing:
        raise CloudError(
            "PartialSet",
            "CreateSnapshots",
            " ".join(snapshot.id for snapshot in found),
            f"the run has no snapshot of {' '.join(sorted(missing))}",
            "Volumes were attached meanwhile: take a new backup, in a run of its own.",
        )
    return found
