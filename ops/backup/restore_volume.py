"""A volume made from a snapshot, mounted on a host for a while, and removed again.

All that is made carries `ops:drill`, never `ops:component`: nobody takes it for the component's
own. What a killed run left is found by its tags and removed by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ops.cloud import tags, volumes
from ops.cloud.calls import Wait
from ops.cloud.session import Cloud
from ops.cloud.tokens import token
from ops.errors import OpsError
from ops.remote.command import script
from ops.remote.host import Host

FOLDER = "/run/ops-restored"
"""Where restored volumes are mounted on their host: FOLDER/VOLUME."""

_BY_ID = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_"
_DEVICES = tuple(f"/dev/sd{letter}" for letter in "ponmlkjihgf")

_MOUNT = r"""
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
link=$1 folder=$2 tries=0
until [ -b "$link" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 600 ] || { echo "the volume did not appear as $link" >&2; exit 1; }
  sleep 0.1
done
type=$(blkid -p -o value -s TYPE -- "$link") || { echo "$link has no file system" >&2; exit 1; }
options=ro,nosuid,nodev
[ "$type" != xfs ] || options=$options,nouuid
mkdir -p -m 700 -- "$folder"
mount -t "$type" -o "$options" -- "$link" "$folder"
"""
_OPEN = 'PATH=/usr/sbin:/usr/bin:/sbin:/bin; mount -o remount,rw -- "$1"'
_UNMOUNT = r"""
PATH=/usr/sbin:/usr/bin:/sbin:/bin
folder=$1 tries=0
while mountpoint -q -- "$folder"; do
  umount -- "$folder" 2>/dev/null && break
  tries=$((tries + 1))
  [ "$tries" -lt 50 ] || { umount -- "$folder"; exit 1; }
  # a hook that was cut off may have left its server: on this throw-away mount, and nowhere else
  [ "$tries" -ne 10 ] || fuser -k -M -m -- "$folder" >/dev/null 2>&1
  sleep 0.2
done
rmdir -- "$folder" 2>/dev/null || [ ! -d "$folder" ]
"""


@dataclass(frozen=True)
class Ground:
    """Where volumes are restored: an instance, its host, and whose run is at work on it.

    `place` tells instances apart over their generations: `scratch/main`.
    """

    cloud: Cloud
    host: Host
    instance: str
    zone: str
    place: str
    run: str
    component: str
    patience: Wait | None = None


@dataclass(frozen=True)
class Restored:
    """A volume that is there for a while, read-only until `open_for_writing`."""

    volume: str
    mount: str


@contextmanager
def restored(
    ground: Ground, snapshot: str, remember: Callable[[str], None] = lambda _: None
) -> Iterator[Restored]:
    """Give a volume made from a snapshot, mounted read-only; it is removed after the block.

    `remember` hears its id as soon as there is one.
    """
    made = volumes.create(ground.cloud, _order(ground, snapshot))
    try:
        remember(made.id)
        volumes.wait_available(ground.cloud, made.id, ground.patience)
        volumes.attach(ground.cloud, made.id, ground.instance, _free_device(ground))
        volumes.wait_attached(ground.cloud, made.id, ground.patience)
        mount = f"{FOLDER}/{made.id}"
        link = _BY_ID + made.id.replace("-", "", 1)
        ground.host.run(script(_MOUNT, link, mount, root=True), timeout=1800)
        yield Restored(made.id, mount)
    finally:
        try:
            remove(ground, made.id)
        except KeyboardInterrupt:  # the first one; later ones do not come through
            remove(ground, made.id)
            raise


def open_for_writing(ground: Ground, one: Restored) -> None:
    """Let a restored volume be written: a database writes when it opens, and all goes anyway."""
    ground.host.run(script(_OPEN, one.mount, root=True), timeout=600)


def remove(ground: Ground, volume: str) -> None:
    """Unmount, detach and delete a restored volume, whatever of it there is."""
    seen = volumes.get(ground.cloud, volume)
    if seen is None or seen.state == "deleting":
        return
    if seen.tags.get(tags.DRILL) is None:
        raise OpsError(f"{volume} was not made to prove a restore: it is left alone")
    if seen.instance == ground.instance:
        unmount = script(_UNMOUNT, f"{FOLDER}/{volume}", root=True)
        ground.host.run(unmount, timeout=120)
    if seen.instance and seen.attachment != "detaching":
        volumes.detach(ground.cloud, volume, seen.instance)
    if seen.instance:
        volumes.wait_available(ground.cloud, volume, ground.patience)
    volumes.remove(ground.cloud, volume)


def sweep(ground: Ground) -> list[str]:
    """Remove what runs that were killed left on this ground; return the volumes' ids.

    Only who holds the lock of the ground's component may ask for it.
    """
    left = volumes.find(ground.cloud, {tags.DRILL: tags.ANY, tags.SLOT: ground.place})
    going = [one.id for one in left if one.state not in ("deleting", "deleted")]
    for one in going:
        remove(ground, one)
    return going


def _order(ground: Ground, snapshot: str) -> volumes.Order:
    own = {
        tags.NAME: f"{ground.component}: restored for a while",
        tags.DRILL: ground.run,
        tags.DRILL_OF: ground.component,
        tags.SLOT: ground.place,
    }
    made = token(ground.component, ground.place, ground.run, f"restored.{snapshot}")
    return volumes.Order(made, ground.zone, 0, own, snapshot=snapshot)


def _free_device(ground: Ground) -> str:
    taken = {one.device for one in volumes.attached_to(ground.cloud, ground.instance)}
    free = next((device for device in _DEVICES if device not in taken), None)
    if free is None:
        raise OpsError(f"{ground.host.name} has no device left for another volume")
    return free
