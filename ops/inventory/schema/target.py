"""The part of components/NAME.yaml about where a component is going: its instances."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ops.inventory.schema.words import (
    AbsolutePath,
    Cidr,
    Duration,
    Mode,
    Model,
    Slug,
    Template,
    UserName,
)


class Rule(Model):
    """One opening of the instance's security group."""

    protocol: Literal["tcp", "udp", "icmp"] = "tcp"
    port: int | None = Field(None, ge=1, le=65535, description="None for icmp only.")
    last_port: int | None = Field(None, ge=1, le=65535, description="End of a range of ports.")
    sources: list[Cidr] = Field(alias="from", min_length=1)
    words: str = Field("", description="Why it is open.")

    @model_validator(mode="after")
    def _ports(self) -> Self:
        """Refuse what EC2 would, when other things are made already."""
        if self.protocol == "icmp" and (self.port or self.last_port):
            raise ValueError("icmp has no ports: leave them out")
        if self.protocol != "icmp" and self.port is None:
            raise ValueError(
                f"{self.protocol} wants a port; all of them are port 1, last_port 65535"
            )
        if self.port and self.last_port and self.last_port < self.port:
            raise ValueError(f"last_port {self.last_port} comes before port {self.port}")
        return self


class RootVolume(Model):
    """The instance's boot volume."""

    size_gib: int = Field(10, ge=1, le=16384)
    type: Literal["gp3", "gp2", "io1", "io2"] = "gp3"
    iops: int | None = Field(None, ge=100)
    throughput: int | None = Field(None, ge=125, description="MiB/s, gp3 only.")
    encrypted: bool = True


class Volume(Model):
    """An EBS data volume, its file system and where it is mounted."""

    size_gib: int = Field(ge=1, le=65536)
    type: Literal["gp3", "gp2", "io1", "io2", "st1", "sc1"] = "gp3"
    iops: int | None = Field(None, ge=100)
    throughput: int | None = Field(None, ge=125, description="MiB/s, gp3 only.")
    encrypted: bool = True
    device: str = Field(pattern=r"^/dev/sd[f-p]$", description="As EC2 names the attachment.")
    filesystem: Literal["ext4", "xfs"] = "ext4"
    mount: AbsolutePath


class Instance(Model):
    """An EC2 instance that the component is to run on."""

    type: str = Field(pattern=r"^[a-z0-9-]+\.[a-z0-9]+$")
    other_types: list[str] = Field(
        default_factory=list, description="Tried in order when EC2 has no capacity."
    )
    zone: str
    other_zones: list[str] = Field(
        default_factory=list, description="Tried in order when no type has capacity in the zone."
    )
    image: str | None = Field(
        None, pattern=r"^(ami-[0-9a-f]+|ssm:/\S+)$", description="None: as site.yaml says."
    )
    profile: str | None = Field(None, description="IAM instance profile.")
    elastic_ip: bool = False
    root: RootVolume = Field(default_factory=lambda: RootVolume.model_validate({}))
    volumes: dict[Slug, Volume] = Field(default_factory=dict)
    rules: list[Rule] = Field(default_factory=list)


class HostFile(Model):
    """A file on the instances, rendered from a template."""

    path: AbsolutePath
    template: Template
    owner: UserName = "root"
    group: UserName = "root"
    mode: Mode = "0644"
    restarts: list[str] = Field(
        default_factory=list, description="Services restarted when the file changes."
    )


class Service(Model):
    """A systemd unit on the instances."""

    name: str = Field(pattern=r"^[A-Za-z0-9@._-]+$")
    enabled: bool = True
    state: Literal["running", "stopped"] = "running"


class User(Model):
    """An account on the instances, for a person or a service."""

    name: UserName
    keys: list[Annotated[str, Field(pattern=r"^(ssh|ecdsa|sk)-\S+ \S+( .*)?$")]] = Field(
        default_factory=list, description="Public keys that may log in; none: nobody can."
    )
    groups: list[UserName] = Field(
        default_factory=list, description="Groups that it belongs to beside its own."
    )
    shell: AbsolutePath = "/bin/bash"
    sudo: bool = Field(False, description="Any command as root, without a password.")


class Retirement(Model):
    """What must be so before an instance is given up for good."""

    proven: Duration = Field("30d", description="A proven backup of it is younger than this.")
    wait: Duration = Field("14d", description="It stands stopped this long before it ends.")


class Target(Model):
    """Where the component is going."""

    instances: dict[Slug, Instance] = Field(min_length=1)
    packages: list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]+$")]] = Field(
        default_factory=list
    )
    files: list[HostFile] = Field(default_factory=list)
    services: list[Service] = Field(default_factory=list)
    users: list[User] = Field(default_factory=list)
    time_zone: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
        description="Of the instances, as Europe/Berlin; none: the image's own.",
    )
    firewall: bool = Field(
        False, description="The hosts' own nftables too lets in only what the rules open."
    )
    retirement: Retirement = Field(default_factory=lambda: Retirement.model_validate({}))
