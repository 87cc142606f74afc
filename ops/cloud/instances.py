"""Instances: described, started from a launch, changed in state, waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.cloud.calls import Wait, ask, pages, until, utc
from ops.cloud.errors import CloudError
from ops.cloud.launch import Disk, Launch, asked
from ops.cloud.session import Cloud
from ops.cloud.tags import Wanted, filters, mapped, words

__all__ = [
    "ALIVE",
    "Attachment",
    "Disk",
    "Instance",
    "Launch",
    "console",
    "find",
    "get",
    "protect",
    "rehearse",
    "run",
    "start",
    "stop",
    "terminate",
    "wait",
]

ALIVE = ("pending", "running", "stopping", "stopped")
"""The states of an instance that can still be used; the others are its end."""

_GONE = ("shutting-down", "terminated")


@dataclass(frozen=True)
class Attachment:
    """A volume as its instance sees it."""

    volume: str
    device: str
    delete_on_termination: bool


@dataclass(frozen=True)
class Instance:
    """An instance as EC2 describes it; addresses are "" where there is none."""

    id: str
    state: str
    reason: str
    """Why it is in this state, as far as EC2 says."""
    type: str
    zone: str
    image: str
    key: str
    vpc: str
    subnet: str
    private_address: str
    public_address: str
    private_name: str
    public_name: str
    groups: tuple[str, ...]
    profile: str
    token: str
    root_device: str
    attachments: tuple[Attachment, ...]
    metadata_tokens: str
    """"required" where only version 2 of the metadata service answers."""
    launched: datetime | None
    tags: Mapping[str, str]

    @property
    def alive(self) -> bool:
        """Return whether it can still be used: not terminated, nor on its way there."""
        return self.state in ALIVE


def find(cloud: Cloud, wanted: Wanted, states: Sequence[str] = ALIVE) -> tuple[Instance, ...]:
    """Return the instances with all the wanted tags in one of the states, sorted by id."""
    selected = [*filters(wanted), {"Name": "instance-state-name", "Values": list(states)}]
    call = cloud.ec2.describe_instances
    given: dict[str, Any] = {"Filters": selected, "PaginationConfig": {"PageSize": 1000}}
    answers = pages(cloud, words(wanted), call, **given)
    return tuple(sorted(_instances(answers), key=lambda instance: instance.id))


def get(cloud: Cloud, instance_id: str) -> Instance | None:
    """Return one instance by id, also a terminated one; None when EC2 does not know it.

    For some seconds after RunInstances a new instance may be unknown: see `wait`.
    """
    try:
        reply = ask(cloud, instance_id, cloud.ec2.describe_instances, InstanceIds=[instance_id])
    except CloudError as error:
        if error.code == "InvalidInstanceID.NotFound":
            return None
        raise
    found = _instances([reply])
    return found[0] if found else None


def run(cloud: Cloud, launch: Launch) -> Instance:
    """Start an instance and return it; the same launch again returns the same instance.

    That holds also after its end: then the answer is the dead one (`alive` is False), and
    a new machine needs a new token. Raise CloudError (IdempotentParameterMismatch) when
    the token was used for another launch.
    """
    reply = ask(cloud, launch.tags.get("Name", ""), cloud.ec2.run_instances, **asked(launch))
    return _instance(reply["Instances"][0])


def rehearse(cloud: Cloud, launch: Launch) -> None:
    """Ask EC2 whether it would accept this launch, without starting anything.

    It checks the permission and most parameters, not the capacity. Raise CloudError as
    `run` does.
    """
    call = cloud.ec2.run_instances
    try:
        ask(cloud, launch.tags.get("Name", ""), call, **asked(launch), DryRun=True)
    except CloudError as error:
        if error.code != "DryRunOperation":
            raise


def start(cloud: Cloud, instance_id: str) -> None:
    """Start a stopped instance; running is no error."""
    ask(cloud, instance_id, cloud.ec2.start_instances, InstanceIds=[instance_id])


def stop(cloud: Cloud, instance_id: str) -> None:
    """Stop an instance by shutting its system down; stopped is no error. Never forced."""
    ask(cloud, instance_id, cloud.ec2.stop_instances, InstanceIds=[instance_id])


def terminate(cloud: Cloud, instance_id: str) -> None:
    """End an instance for good. Raise CloudError (OperationNotPermitted) when protected."""
    ask(cloud, instance_id, cloud.ec2.terminate_instances, InstanceIds=[instance_id])


def protect(cloud: Cloud, instance_id: str, *, on: bool) -> None:
    """Protect an instance against termination, or lift the protection."""
    ask(
        cloud,
        instance_id,
        cloud.ec2.modify_instance_attribute,
        InstanceId=instance_id,
        DisableApiTermination={"Value": on},
    )


def wait(cloud: Cloud, instance_id: str, state: str, patience: Wait | None = None) -> Instance:
    """Wait until the instance is in `state` and return it.

    An instance that EC2 does not know yet is waited for too. Raise CloudError (BadState)
    when it is ending while another state is awaited, with EC2's reason; (WaitTimedOut)
    when it does not get there.
    """

    def look() -> Instance | None:
        seen = get(cloud, instance_id)
        if seen is not None and seen.state in _GONE and state not in _GONE:
            said = f"is {seen.state}: {seen.reason or 'no reason given'}"
            hint = "Look at the reason; a new machine needs a new generation of the slot."
            raise CloudError("BadState", "", instance_id, said, hint)
        return seen if seen is not None and seen.state == state else None

    return until(patience or Wait(), look, subject=instance_id, goal=state)


def console(cloud: Cloud, instance_id: str) -> str:
    """Return what the instance wrote to its console, as far as EC2 has it; may be empty."""
    reply = ask(cloud, instance_id, cloud.ec2.get_console_output, InstanceId=instance_id)
    return reply.get("Output", "")


def _instances(answers: Sequence[Any]) -> list[Instance]:
    reservations = (one for page in answers for one in page["Reservations"])
    return [_instance(one) for reservation in reservations for one in reservation["Instances"]]


def _instance(described: Mapping[str, Any]) -> Instance:
    reason = described.get("StateReason", {}).get("Message", "")
    return Instance(
        id=described["InstanceId"],
        state=described["State"]["Name"],
        reason=reason or described.get("StateTransitionReason", ""),
        type=described.get("InstanceType", ""),
        zone=described.get("Placement", {}).get("AvailabilityZone", ""),
        image=described.get("ImageId", ""),
        key=described.get("KeyName", ""),
        vpc=described.get("VpcId", ""),
        subnet=described.get("SubnetId", ""),
        private_address=described.get("PrivateIpAddress", ""),
        public_address=described.get("PublicIpAddress", ""),
        private_name=described.get("PrivateDnsName", ""),
        public_name=described.get("PublicDnsName", ""),
        groups=tuple(sorted(one["GroupId"] for one in described.get("SecurityGroups", ()))),
        profile=described.get("IamInstanceProfile", {}).get("Arn", ""),
        token=described.get("ClientToken", ""),
        root_device=described.get("RootDeviceName", ""),
        attachments=_attachments(described.get("BlockDeviceMappings", ())),
        metadata_tokens=described.get("MetadataOptions", {}).get("HttpTokens", ""),
        launched=utc(described.get("LaunchTime")),
        tags=mapped(described.get("Tags")),
    )


def _attachments(mappings: Sequence[Mapping[str, Any]]) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(
            volume=one["Ebs"]["VolumeId"],
            device=one["DeviceName"],
            delete_on_termination=bool(one["Ebs"].get("DeleteOnTermination", False)),
        )
        for one in sorted(mappings, key=lambda one: str(one["DeviceName"]))
        if "Ebs" in one
    )
