"""What is declared for one slot of a component, as one value: the left side of the plan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ops.cloud import tags
from ops.cloud.groups import Rule
from ops.errors import Refused
from ops.inventory.schema import Component, Instance, Service, Site, User, Volume
from ops.inventory.schema import Rule as Opening

APT_LIST = "/etc/apt/sources.list.d/ops.list"
"""Where a host is told of the folder that site.packages_from names."""


FIREWALL = "nftables"
"""The package and the service of the hosts' own firewall."""


@dataclass(frozen=True)
class File:
    """A file that is to be on the host, with its content."""

    path: str
    content: bytes = field(repr=False)
    owner: str = "root"
    group: str = "root"
    mode: str = "0644"
    restarts: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Return the digest that the file's content is compared by."""
        return hashlib.sha256(self.content).hexdigest()


Files = Sequence[File]


@dataclass(frozen=True)
class Login:
    """The account that the suite uses on the instance, as cloud-init is to make it."""

    user: str
    sudo: bool
    public_key: str
    port: int = 22


@dataclass(frozen=True)
class Desired:
    """One slot: its instance, its volumes, and what is to be inside."""

    component: str
    slot: str
    instance: Instance
    image: str
    key_pair: str
    login: Login
    packages: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    services: tuple[Service, ...] = ()
    packages_from: str | None = None
    users: tuple[User, ...] = ()
    time_zone: str | None = None
    firewall: bool = False
    snapshots: Mapping[str, str] = field(default_factory=dict)
    """Snapshots that volumes are made from, by the volume's name; others are made empty."""
    next: bool = False
    """Whether this is the successor of an instance that still has the slot's name."""

    @property
    def zones(self) -> tuple[str, ...]:
        """Return the zones that the instance may be in, the first the best."""
        return (self.instance.zone, *self.instance.other_zones)

    @property
    def types(self) -> tuple[str, ...]:
        """Return the types that the instance may have, the first the best."""
        return (self.instance.type, *self.instance.other_types)

    @property
    def host(self) -> str:
        """Return the name that the host's key is pinned under."""
        return f"{self.component}.cloud.{self.slot}" + (".next" if self.next else "")

    @property
    def name(self) -> str:
        """Return what the AWS console shows, and the host's own name."""
        return f"{self.component}-{self.slot}"

    @property
    def group(self) -> str:
        """Return the name of the instance's security group."""
        return f"ops-{self.name}"

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags by which everything of this slot is found."""
        return {tags.COMPONENT: self.component, tags.SLOT: self.slot}

    @property
    def volumes(self) -> Mapping[str, Volume]:
        """Return the data volumes by name."""
        return self.instance.volumes

    @property
    def rules(self) -> frozenset[Rule]:
        """Return the inbound rules of the security group, one a source."""
        return frozenset(rule for opening in self.instance.rules for rule in _rules(opening))

    def apt_list(self) -> File | None:
        """Return the file that tells apt of the package folder, where one is declared."""
        if not self.packages_from or not self.packages:
            return None
        line = f"deb [trusted=yes] file:{self.packages_from} ./\n"
        return File(APT_LIST, line.encode())


def desire(
    site: Site, name: str, declared: Component, slot: str, *, public_key: str, files: Files = ()
) -> Desired:
    """Return what the inventory wants for `slot` of the component.

    `public_key` is the controller's, in OpenSSH's format; `files` are rendered already.
    Raise Refused when the slot's zone is none of cloud.zones.
    """
    target = declared.target
    if target is None or slot not in target.instances:
        raise Refused(f"{name} declares no instance {slot}", "Add it to target.instances.")
    instance, known = target.instances[slot], site.cloud.zones
    foreign = [zone for zone in (instance.zone, *instance.other_zones) if zone not in known]
    if foreign:
        raise Refused(
            f"{name}: target.instances.{slot}.zone: site.yaml does not use {foreign[0]}",
            f"cloud.zones has {', '.join(site.cloud.zones)}: correct one of them.",
        )
    login = site.ssh.cloud
    return Desired(
        component=name,
        slot=slot,
        instance=instance,
        image=instance.image or site.cloud.image,
        key_pair=site.cloud.key_name,
        login=Login(login.user, login.become == "sudo", public_key, login.port),
        packages=(*target.packages, *([FIREWALL] if target.firewall else [])),
        files=tuple(files),
        services=(*target.services, *([Service(name=FIREWALL)] if target.firewall else [])),
        packages_from=site.packages_from,
        users=tuple(target.users),
        time_zone=target.time_zone,
        firewall=target.firewall,
    )


def _rules(opening: Opening) -> list[Rule]:
    first = -1 if opening.port is None else opening.port
    last = first if opening.last_port is None else opening.last_port
    return [
        Rule(_protocol(opening, source), first, last, source, words=opening.words)
        for source in opening.sources
    ]


def _protocol(opening: Opening, source: str) -> str:
    """Return the protocol as EC2 names it: IPv6 has an icmp of its own."""
    return "icmpv6" if opening.protocol == "icmp" and ":" in source else opening.protocol
