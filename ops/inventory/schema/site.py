"""site.yaml: what holds for every component."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ops.inventory.schema.words import (
    AbsolutePath,
    CronTime,
    Duration,
    HostName,
    Model,
    Secret,
    Slug,
    UserName,
)


class Controller(Model):
    """The one machine that may change anything."""

    name: HostName
    machine_id: str = Field(
        pattern=r"^([0-9a-f]{32}|)$",
        description="As in /etc/machine-id of the controller; empty in the sample only.",
    )
    epoch: int = Field(1, ge=1, description="Counts the moves from one controller to another.")


class Login(Model):
    """How the suite logs in to the hosts of one side."""

    user: UserName
    become: Literal["sudo", "none"] = Field(
        "sudo", description="How the user gets root's rights: sudo without a password, or not."
    )
    port: int = Field(22, ge=1, le=65535)
    identity: Secret | None = Field(
        None, description="The private key; none: the user's own keys and agent."
    )


class Gateway(Model):
    """A host that connections to campus hosts go through; pinned as `gateway.NAME`."""

    address: HostName
    port: int = Field(22, ge=1, le=65535)
    user: UserName


class Ssh(Model):
    """SSH to both sides."""

    campus: Login
    cloud: Login
    gateways: dict[Slug, Gateway] = Field(default_factory=dict)
    ssh_config: str | None = Field(
        None, description="An OpenSSH client configuration to honour; none: none is read."
    )
    connect_timeout: int = Field(10, ge=1, le=300, description="Seconds.")


class Credentials(Model):
    """Who the suite is to AWS: a profile, or a pair of keys by reference."""

    profile: str | None = None
    access_key: Secret | None = None
    secret_key: Secret | None = None


class Cloud(Model):
    """The AWS account and region that the fleet moves to."""

    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")
    zones: list[str] = Field(min_length=1)
    endpoint: str | None = Field(
        None, pattern=r"^https?://\S+$", description="Another address than AWS's own: the lab's."
    )
    credentials: Credentials
    image: str = Field(
        pattern=r"^(ami-[0-9a-f]+|ssm:/\S+)$",
        description="An image id, or `ssm:` and the name of a public parameter that holds one.",
    )
    key_name: str = Field("ops-controller", description="Name of the controller's EC2 key pair.")
    public_key: str = Field(
        description="`file:PATH` of the public half of ssh.cloud.identity.", pattern=r"^file:.+$"
    )
    subnets: dict[str, str] = Field(
        default_factory=dict, description="Subnet by zone; none: the zone's default subnet."
    )
    vpc: str | None = Field(None, description="None: the region's default VPC.")
    address: Literal["private", "public"] = Field(
        "public", description="Which of an instance's addresses the controller dials."
    )


class Limits(Model):
    """How much one run may do before it refuses; overridden by a counted argument."""

    instances: int = Field(5, ge=0, description="Instances that one run may make.")
    volume_gib: int = Field(2000, ge=0, description="GiB of volumes that one run may make.")
    monthly: int | None = Field(
        None, ge=0, description="What one run may add to the bill, by prices.yaml; none: no limit."
    )
    deletes: int = Field(10, ge=0, description="Things that one run may delete.")
    streams: int = Field(16, ge=1, le=64, description="SSH streams of one transfer.")


class Scratch(Model):
    """The instance that backups are restored on to prove them: a component of its own."""

    component: Slug
    slot: Slug = "main"


class Mail(Model):
    """Where notifications go."""

    smtp: HostName
    port: int = Field(25, ge=1, le=65535)
    sender: str = Field(alias="from", pattern=r"^\S+@\S+$")
    to: list[str] = Field(min_length=1)


class Schedule(Model):
    """How the controller's crontab runs backups; the moments are those of the components."""

    engine: Literal["cron", "dlm"] = Field(
        "cron", description="Who takes snapshots: this controller, or AWS's Data Lifecycle Manager."
    )
    watch: CronTime = Field("20 7 * * *", description="When backup.watch looks and tells.")
    jitter: Duration = Field("2m", description="Jobs begin up to this much later, at random.")
    limit: Duration = Field("6h", description="A job that takes longer is ended.")
    mailto: str | None = Field(
        None, pattern=r"^\S+@\S+$", description="Whom cron mails failures; none: the account."
    )
    log: AbsolutePath | None = Field(None, description="None: var/log/schedule.log.")
    role: str | None = Field(
        None, pattern=r"^arn:\S+$", description="The role that Data Lifecycle Manager works in."
    )


class Signing(Model):
    """Who signs the records of runs."""

    key: Secret
    principal: str = Field(pattern=r"^\S+$", description="As in allowed_signers.")


class Site(Model):
    """site.yaml as a whole."""

    controller: Controller
    ssh: Ssh
    cloud: Cloud
    limits: Limits = Field(default_factory=lambda: Limits.model_validate({}))
    mail: Mail | None = None
    scratch: Scratch | None = Field(None, description="None: nothing can be proven to restore.")
    schedule: Schedule = Field(default_factory=lambda: Schedule.model_validate({}))
    signing: Signing
    time_zone: str = Field("UTC", description="In which reports tell the time.")
    packages_from: AbsolutePath | None = Field(
        None, description="A folder on the hosts that apt takes packages from, beside its sources."
    )
