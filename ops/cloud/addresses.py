"""Elastic IP addresses: taken once a slot, given to its instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.cloud.calls import Wait, ask, until
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.cloud.tags import Wanted, filters, mapped, specified, words

LOST_REPLY = Wait(delay=5, attempts=6)


@dataclass(frozen=True)
class Address:
    """An Elastic IP address; `instance` is "" while it is given to none."""

    allocation: str
    address: str
    instance: str
    association: str
    tags: Mapping[str, str] = field(default_factory=dict)


def find(cloud: Cloud, wanted: Wanted) -> tuple[Address, ...]:
    """Return our addresses with all the wanted tags, sorted by allocation."""
    call = cloud.ec2.describe_addresses
    reply = ask(cloud, words(wanted), call, Filters=filters(wanted))
    found = (_address(one) for one in reply["Addresses"])
    return tuple(sorted(found, key=lambda address: address.allocation))


def allocate(cloud: Cloud, tags: Mapping[str, str], lost_reply: Wait = LOST_REPLY) -> Address:
    """Take an address with these tags and return it; one with the same tags is taken once.

    AllocateAddress has no client token: it is sent once, and looked for after a lost reply.
    """
    found = find(cloud, tags)
    if found:
        return found[0]
    try:
        return _allocate(cloud, tags)
    except CloudError as error:
        if not error.uncertain:
            raise
    try:
        return until(lost_reply, lambda: find(cloud, tags) or None, subject="", goal="seen")[0]
    except CloudError as error:
        if error.code != "WaitTimedOut":
            raise
    return _allocate(cloud, tags)


def associate(cloud: Cloud, address: Address, instance_id: str) -> None:
    """Give an address to an instance; there already is no error, elsewhere is refused."""
    subject = f"{address.address} to {instance_id}"
    call = cloud.ec2.associate_address
    try:
        ask(
            cloud,
            subject,
            call,
            AllocationId=address.allocation,
            InstanceId=instance_id,
            AllowReassociation=False,
        )
    except CloudError as error:
        if error.code != "Resource.AlreadyAssociated":
            raise
        look = cloud.ec2.describe_addresses
        reply = ask(cloud, subject, look, AllocationIds=[address.allocation])
        if [one.get("InstanceId") for one in reply["Addresses"]] != [instance_id]:
            raise


def disassociate(cloud: Cloud, address: Address) -> None:
    """Take an address from its instance; with none is no error."""
    if not address.association:
        return
    call = cloud.ec2.disassociate_address
    try:
        ask(cloud, address.address, call, AssociationId=address.association)
    except CloudError as error:
        if error.code != "InvalidAssociationID.NotFound":
            raise


def _allocate(cloud: Cloud, tags: Mapping[str, str]) -> Address:
    reply = ask(
        cloud,
        words(tags),
        cloud.ec2_once.allocate_address,
        Domain="vpc",
        TagSpecifications=specified(["elastic-ip"], tags),
    )
    return Address(reply["AllocationId"], reply["PublicIp"], "", "", dict(tags))


def _address(described: Mapping[str, Any]) -> Address:
    return Address(
        allocation=described.get("AllocationId", ""),
        address=described.get("PublicIp", ""),
        instance=described.get("InstanceId", ""),
        association=described.get("AssociationId", ""),
        tags=mapped(described.get("Tags")),
    )
