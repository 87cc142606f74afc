"""What there is for one slot of a component: in AWS, and on its host. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ops.cloud.groups import Group
from ops.cloud.images import Image
from ops.cloud.instances import Instance
from ops.cloud.volumes import Volume
from ops.inventory.schema import InstanceState


@dataclass(frozen=True)
class Account:
    """What AWS has for one slot, found by tags; looked at once a run.

    `instances` are all that carry the slot's tags, ended ones too as long as EC2 tells of
    them. `key` is the public key that EC2 holds under the declared name, None without one.
    `image` is what the declared image resolves to; None when nothing is to be started.
    """

    group: Group | None = None
    key: str | None = None
    instances: tuple[Instance, ...] = ()
    volumes: tuple[Volume, ...] = ()
    elastic_ip: str | None = None
    image: Image | None = None
    former: frozenset[str] = frozenset()
    """Instances that were the slot's and are kept for a while: none of them is it."""


@dataclass(frozen=True)
class Device:
    """A data volume as the host sees it behind its by-id link.

    `blank` is true only when both blkid and wipefs find nothing at all on it, and it begins
    and ends with zeros. `number` is major:minor; "" while the device has not appeared.
    """

    number: str = ""
    blank: bool = False
    filesystem: str = ""
    uuid: str = ""
    found: str = ""
    """What blkid said, for messages."""


@dataclass(frozen=True)
class Mount:
    """A folder that a volume is to be mounted at.

    `number` is the device mounted there, "" when none is; `occupied` means that the folder
    below holds something although nothing is mounted; `entry` is its line in fstab.
    """

    number: str = ""
    occupied: bool = False
    entry: str = ""


@dataclass(frozen=True)
class HostFile:
    """A file on the host. `kind` is as stat(1) says it: "regular file", "symbolic link"."""

    kind: str
    owner: str
    group: str
    mode: str
    sha256: str = ""


@dataclass(frozen=True)
class HostUser:
    """An account on the host; `keys` and `sudo` are digests of its files, "" without one."""

    shell: str
    groups: frozenset[str] = frozenset()
    keys: str = ""
    sudo: str = ""


@dataclass(frozen=True)
class Unit:
    """A systemd unit, in systemd's own words."""

    load: str
    active: str
    enabled: str


@dataclass(frozen=True)
class Host:
    """All facts of one host, gathered by one command; what is missing there has no entry."""

    root: bool = True
    systemd: bool = True
    dpkg: bool = True
    devices: Mapping[str, Device] = field(default_factory=dict)
    mounts: Mapping[str, Mount] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, HostFile] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    restarts: frozenset[str] = frozenset()
    """Services whose files changed and that were not restarted since."""
    accounts: Mapping[str, HostUser] = field(default_factory=dict)
    time_zone: str = ""
    filtered: bool = False
    """Whether the kernel filters by just what the firewall's file says."""


SKEW = timedelta(minutes=5)
"""How far our clock may be off: AWS takes no call that is signed by one that is worse."""

MAKING = timedelta(minutes=15)
"""How long after a step began its call may still make the volume, sent again and again."""


@dataclass(frozen=True)
class Claim:
    """A run of ours that `began` to make a volume; `id` is "" when it never told which."""

    volume: str
    run: str
    began: datetime
    id: str = ""

    def fits(self, name: str, volume: Volume) -> bool:
        """Return whether this was the making of that volume: told by its id, else by its time."""
        if self.volume != name or self.id:
            return self.volume == name and self.id == volume.id
        made = volume.created
        return made is not None and self.began - SKEW <= made <= self.began + MAKING


@dataclass(frozen=True)
class Known:
    """What this inventory knows of a slot: its state, its secrets, its records.

    `pinned` is the fingerprint of the slot's pinned host key, "" without one; `kept` are the
    generations whose throw-away key is still kept, so their first connection is not over.
    `claims` are the makings of data volumes that runs of ours began, whether or not they
    lived to see the end.
    """

    recorded: InstanceState | None = None
    pinned: str = ""
    kept: frozenset[int] = frozenset()
    claims: tuple[Claim, ...] = ()

    def maker(self, name: str, volume: Volume) -> str:
        """Return the run that made a volume, new and empty; "" when none of ours did."""
        recorded = self.recorded.volumes.get(name) if self.recorded else None
        if recorded is not None and recorded.id == volume.id:
            return recorded.created_by
        return next((one.run for one in self.claims if one.fits(name, volume)), "")


FRESH = Host()
"""A host that has nothing of ours yet: what a plan without an instance rests on."""
