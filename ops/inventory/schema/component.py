"""components/NAME.yaml: what people declare about one component."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from ops.inventory.schema.target import Target
from ops.inventory.schema.words import (
    AbsolutePath,
    CronTime,
    Duration,
    HostName,
    Level,
    Model,
    ResticRepository,
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
    folder: AbsolutePath = Field(
        "/var/tmp",  # noqa: S108 - the dump gets a folder of root's in it
        description="Where the dump lies on both hosts while it is moved.",
    )


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


class Pruning(Model):
    """How the controller reaches the repository to remove from it; the hosts never do."""

    repository: ResticRepository | None = Field(
        None, description="Its own way there (another account, path); none: as the hosts' one."
    )
    access_key: Secret | None = Field(None, description="For S3.")
    secret_key: Secret | None = Field(None, description="For S3.")


class Archive(Model):
    """The campus side's backup, by restic: all data sets, databases as dumps."""

    repository: ResticRepository = Field(
        description="/PATH on the host, sftp:USER@HOST:/PATH or s3:https://HOST/BUCKET."
    )
    password: Secret
    access_key: Secret | None = Field(None, description="For S3: may add, but not delete.")
    secret_key: Secret | None = Field(None, description="For S3.")
    schedule: CronTime
    dumps: AbsolutePath = Field("/var/backups/ops", description="Where databases are dumped to.")
    least: int = Field(1, ge=1, description="A dump with fewer bytes is none.")
    parts: int = Field(
        20, ge=1, le=10000, description="Each run reads one of so many parts back, in turn."
    )
    check: list[Hook] = Field(
        default_factory=list, description="Asks restored data on the scratch host, as `check` does."
    )
    prune: Pruning | None = None


class Backup(Model):
    """How the component is backed up, and how old its newest backup may be."""

    level: Level = Field("filesystem", description="How consistent a snapshot is.")
    fall_back_to: Literal["crash", "filesystem"] | None = Field(
        None, description="The level to take when the declared one fails; none: the backup fails."
    )
    before: list[Hook] = Field(default_factory=list)
    after: list[Hook] = Field(default_factory=list)
    check: list[Hook] = Field(
        default_factory=list,
        description="Asks restored volumes on the scratch host: a database opens and answers."
        " Arguments below a mount are changed to where it is mounted there.",
    )
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

    @property
    def has_volumes(self) -> bool:
        """Return whether data volumes are declared, which snapshots are taken of."""
        return any(one.volumes for one in self.target.instances.values()) if self.target else False

    def mount(self, slot: str, volume: str) -> str:
        """Return where a data volume is mounted, "" where it is not declared."""
        instance = self.target.instances.get(slot) if self.target else None
        found = instance.volumes.get(volume) if instance else None
        return found.mount if found else ""

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
