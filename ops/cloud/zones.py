"""Where instances can go: zones, networks, and the types of instance a zone offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ops.cloud.calls import ask, pages
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef


@dataclass(frozen=True)
class Identity:
    """Who AWS takes us for."""

    account: str
    arn: str


@dataclass(frozen=True)
class Subnet:
    """A network of one zone."""

    id: str
    zone: str
    vpc: str
    default: bool


def identity(cloud: Cloud) -> Identity:
    """Return who these credentials are: the cheapest call that proves them."""
    reply = ask(cloud, "", cloud.sts.get_caller_identity)
    return Identity(reply["Account"], reply["Arn"])


def zones(cloud: Cloud) -> tuple[str, ...]:
    """Return the names of the region's zones, sorted."""
    reply = ask(cloud, cloud.region, cloud.ec2.describe_availability_zones)
    return tuple(sorted(zone["ZoneName"] for zone in reply["AvailabilityZones"]))


def default_vpc(cloud: Cloud) -> str:
    """Return the id of the region's default VPC. Raise CloudError when there is none."""
    wanted: list[FilterTypeDef] = [{"Name": "is-default", "Values": ["true"]}]
    reply = ask(cloud, cloud.region, cloud.ec2.describe_vpcs, Filters=wanted)
    if not reply["Vpcs"]:
        raise CloudError(
            "InvalidVpcID.NotFound",
            "DescribeVpcs",
            cloud.region,
            "the region has no default VPC",
            "Name one in cloud.vpc and its subnets in cloud.subnets of site.yaml.",
        )
    return reply["Vpcs"][0]["VpcId"]


def subnets(cloud: Cloud, vpc: str) -> tuple[Subnet, ...]:
    """Return the subnets of a VPC, sorted by zone and id."""
    call = cloud.ec2.describe_subnets
    answers = pages(cloud, vpc, call, Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    found = [
        Subnet(
            one["SubnetId"], one["AvailabilityZone"], one["VpcId"], bool(one.get("DefaultForAz"))
        )
        for page in answers
        for one in page["Subnets"]
    ]
    return tuple(sorted(found, key=lambda subnet: (subnet.zone, subnet.id)))


def gives_addresses(cloud: Cloud, zone: str, subnet: str | None) -> bool:
    """Return whether instances of a subnet get a public address; None: the zone's default one."""
    call, filters = cloud.ec2.describe_subnets, [_only("availability-zone", zone)]
    filters.append(_only("subnet-id", subnet) if subnet else _only("default-for-az", "true"))
    answers = pages(cloud, subnet or zone, call, Filters=filters)
    return any(one.get("MapPublicIpOnLaunch") for page in answers for one in page["Subnets"])


def _only(name: str, value: str) -> FilterTypeDef:
    return {"Name": name, "Values": [value]}


def offering(cloud: Cloud, instance_type: str) -> frozenset[str]:
    """Return the zones that have this type of instance; none for a type that does not exist.

    A zone that has the type may still be out of capacity when it is asked.
    """
    answers = pages(
        cloud,
        instance_type,
        cloud.ec2.describe_instance_type_offerings,
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": [instance_type]}],
    )
    offers = (offer for page in answers for offer in page["InstanceTypeOfferings"])
    return frozenset(cast("str", offer["Location"]) for offer in offers)
