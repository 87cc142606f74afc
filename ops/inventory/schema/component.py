"""components/NAME.yaml: what people declare about one component."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from ops.inventory.schema.words import (
    AbsolutePath,
    Cidr,
    CronTime,
    Duration,
    HostName,
    Mode,
    Model,
    Secret,
    Slug,
    Template,
    UserName,
)


class HostLoad(Model):
    """How much of a busy host verification may take."""

    processes: int = Field(0, ge=0, le=1024, description="Files read at once; 0: one a core.")
    nice: int = Field(0, ge=0, le=19, description="Niceness of what reads.")
    bytes_per_second: int = Field(0, ge=0, description="All together; 0: as fast as it goes.")


class CampusHost(Model):
    """A host that the component runs on today."""

    address: HostName
    port: int | None = Field(None, ge=1, le=65535, description="None: as site.yaml says.")
    user: UserName | None = Field(None, description="None: as site.yaml says.")
    gateway: Slug | None = Field(None, description="A gateway of site.yaml to go through.")
    load: HostLoad = Field(default_factory=lambda: HostLoad.model_validate({}))


class Source(Model):
    """Where the component is today."""

    hosts: dict[Slug, CampusHost] = Field(min_length=1)
    application: list[AbsolutePath] = Field(
        default_factory=list,
        description="Folders the application uses; what no data set covers is listed.",
    )


class Rule(Model):
    """One opening of the instance's security group."""

    protocol: Literal["tcp", "udp", "icmp"] = "tcp"
    port: int | None = Field(None, ge=1, le=65535, description="None for icmp only.")
    last_port: int | None = Field(None, ge=1, le=65535, description="End of a range of ports.")
    sources: list[Cidr] = Field(alias="from", min_length=1)
    words: str = Field("", description="Why it is open.")


class RootVolume(Model):
    """The instance's boot volume."""

    size_gib: int = Field(10, ge=1, le=16384)
    type: Literal["gp3", "gp2", "io1", "io2"] = "gp3"
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


class Target(Model):
    """Where the component is going."""

    instances: dict[Slug, Instance] = Field(min_length=1)
    packages: list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]+$")]] = Field(
        default_factory=list
    )
    files: list[HostFile] = Field(default_factory=list)
    services: list[Service] = Field(default_factory=list)


class Place(Model):
    """A folder on one of the component's hosts."""

    host: Slug = Field("main", description="A slot of source.hosts, or of target.instances.")
    root: AbsolutePath
    mount: AbsolutePath | None = Field(
        None, description="The root must lie on this mount: an unmounted disk is no empty source."
    )


class Hook(Model):
    """A script of templates/ with its arguments; never shell text of its own."""

    script: Template
    arguments: list[str] = Field(default_factory=list)


class FileSet(Model):
    """Content files below one root."""

    kind: Literal["files"]
    source: Place
    target: Place
    exclude: list[str] = Field(
        default_factory=list, description="Patterns, the same for transfer and verification."
    )
    cross_mounts: bool = Field(False, description="Also what is mounted below the root.")
    reread: Duration = Field(
        "30d", description="verify.scrub reads all of the target again within this time."
    )


class DatabaseSet(Model):
    """A database: dumped by a hook, moved, loaded, compared by counts and ordered dumps."""

    kind: Literal["database"]
    engine: Literal["postgresql", "mariadb", "ldap"]
    database: str = Field(pattern=r"^[A-Za-z0-9_.,=-]+$")
    source: Slug = Field("main", description="A slot of source.hosts.")
    target: Slug = Field("main", description="A slot of target.instances.")
    dump: Hook
    load: Hook
    digest: Hook = Field(description="Prints a row count and a digest per table.")


DataSet = Annotated[FileSet | DatabaseSet, Field(discriminator="kind")]


class Keep(Model):
    """How many backups to keep; no rule at all removes none."""

    last: int = Field(0, ge=0)
    hourly: int = Field(0, ge=0)
    daily: int = Field(0, ge=0)
    weekly: int = Field(0, ge=0)
    monthly: int = Field(0, ge=0)
    yearly: int = Field(0, ge=0)
    within: Duration | None = None


class Archive(Model):
    """The campus side's backup, by restic."""

    repository: str = Field(min_length=1)
    password: Secret
    schedule: CronTime


class Backup(Model):
    """How the component is backed up, and how old its newest backup may be."""

    level: Literal["crash", "filesystem", "application"] = Field(
        "filesystem", description="How consistent a snapshot is."
    )
    fall_back_to: Literal["crash", "filesystem"] | None = Field(
        None, description="The level to take when the declared one fails; none: the backup fails."
    )
    before: list[Hook] = Field(default_factory=list)
    after: list[Hook] = Field(default_factory=list)
    schedule: CronTime
    keep: Keep
    objective: Duration = Field("26h", description="The newest backup is never older than this.")
    drill: Duration = Field("30d", description="A restore is proven at least this often.")
    copy_to: str | None = Field(None, description="A second region.")
    archive: Archive | None = None


class Probe(Model):
    """One check of the monitoring."""

    name: Slug
    kind: Literal["http", "https", "tcp", "ssh", "ldap", "smtp", "dns", "icmp"]
    port: int | None = Field(None, ge=1, le=65535)
    path: str | None = Field(None, pattern=r"^/")
    expect: str | None = Field(None, description="Text that the answer contains.")
    interval: Duration = "60s"
    words: str = Field("", description="What its failure means, and what to do.")


class Name(Model):
    """A name server record that the cutover switches."""

    name: str = Field(pattern=r"^[A-Za-z0-9_*.-]+\.$", description="Full, with the last dot.")
    type: Literal["A", "AAAA", "CNAME"] = "A"
    ttl: int = Field(300, ge=30, le=604800)
    campus: str = Field(description="The record's value while the component is on campus.")
    cloud: Slug = Field("main", description="The instance whose address it gets.")


class ReadinessItem(Model):
    """One thing that must be so before production."""

    item: str
    responsible: str = Field(description="A role.")
    evidence: Literal["verification", "backup", "drill", "probe", "transfer", "statement"]
    expires: Duration = "90d"


class Component(Model):
    """components/NAME.yaml as a whole; the file's name is the component's."""

    description: str
    owner: str = Field(description="A role, not a person.")
    depends: list[Slug] = Field(default_factory=list, description="Components it needs.")
    source: Source | None = None
    target: Target | None = None
    data: dict[Slug, DataSet] = Field(default_factory=dict)
    backup: Backup | None = None
    probes: list[Probe] = Field(default_factory=list)
    names: list[Name] = Field(default_factory=list)
    readiness: list[ReadinessItem] = Field(default_factory=list)

    def dangling(self) -> Iterator[Dangling]:
        """Yield every name in this file that refers to nothing in this file."""
        hosts = list(self.source.hosts) if self.source else []
        instances = list(self.target.instances) if self.target else []
        services = [service.name for service in self.target.services] if self.target else []
        for name, data in self.data.items():
            at = ("data", name)
            if isinstance(data, FileSet):
                yield from _check((*at, "source", "host"), data.source.host, hosts)
                yield from _check((*at, "target", "host"), data.target.host, instances)
            else:
                yield from _check((*at, "source"), data.source, hosts)
                yield from _check((*at, "target"), data.target, instances)
        for index, record in enumerate(self.names):
            yield from _check(("names", index, "cloud"), record.cloud, instances)
        for index, file in enumerate(self.target.files if self.target else []):
            for position, service in enumerate(file.restarts):
                place = ("target", "files", index, "restarts", position)
                yield from _check(place, service, services)


@dataclass(frozen=True)
class Dangling:
    """A reference to nothing: where it stands, what it says, what it could have said."""

    path: tuple[str | int, ...]
    name: str
    known: tuple[str, ...]


def _check(path: tuple[str | int, ...], name: str, known: list[str]) -> Iterator[Dangling]:
    if name not in known:
        yield Dangling(path, name, tuple(known))
