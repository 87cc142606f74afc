"""Security groups and what they let through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ops.cloud.calls import ask, pages
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.cloud.tags import Wanted, filters, mapped, specified, words

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import IpPermissionTypeDef


@dataclass(frozen=True, order=True)
class Rule:
    """One opening: a protocol and a range of ports from (or, outbound, to) one source.

    For icmp `first` is the type and `last` the code; -1 means all of them. `source` is an
    IPv4 or IPv6 range, a security group (sg-...) or a prefix list (pl-...). The words are
    no part of what makes two rules the same.
    """

    protocol: str
    first: int
    last: int
    source: str
    outbound: bool = False
    words: str = field(default="", compare=False)

    def __str__(self) -> str:
        ports = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        what = self.protocol if self.first == -1 else f"{self.protocol} {ports}"
        what = "everything" if self.protocol == "-1" else what
        return f"{what} {'to' if self.outbound else 'from'} {self.source}"


EVERYTHING_OUT = Rule("-1", -1, -1, "0.0.0.0/0", outbound=True)
"""What EC2 puts into every new group."""


@dataclass(frozen=True)
class Group:
    """A security group with all its rules."""

    id: str
    name: str
    vpc: str
    description: str
    rules: frozenset[Rule] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def inbound(self) -> frozenset[Rule]:
        """Return what may come in."""
        return frozenset(rule for rule in self.rules if not rule.outbound)


def find(cloud: Cloud, wanted: Wanted) -> tuple[Group, ...]:
    """Return the groups with all the wanted tags, sorted by id."""
    return _find(cloud, words(wanted), filters(wanted))


def named(cloud: Cloud, name: str, vpc: str) -> Group | None:
    """Return the group of that name in the VPC, or None."""
    found = _find(
        cloud,
        name,
        [{"Name": "group-name", "Values": [name]}, {"Name": "vpc-id", "Values": [vpc]}],
    )
    return found[0] if found else None


def create(cloud: Cloud, name: str, vpc: str, description: str, tags: Mapping[str, str]) -> Group:
    """Make a group without inbound rules and return it; made before with these tags: that one.

    A group has no client token, but its name is unique in its VPC: a lost reply is made
    good by looking. Raise CloudError (InvalidGroup.Duplicate) when the name belongs to a
    group with other tags.
    """
    try:
        made = ask(
            cloud,
            name,
            cloud.ec2.create_security_group,
            GroupName=name,
            VpcId=vpc,
            Description=description,
            TagSpecifications=specified(["security-group"], tags),
        )
    except CloudError as error:
        found = named(cloud, name, vpc) if error.code == "InvalidGroup.Duplicate" else None
        if found is None or not tags.items() <= dict(found.tags).items():
            raise
        return found
    return Group(made["GroupId"], name, vpc, description, frozenset({EVERYTHING_OUT}), dict(tags))


def allow(cloud: Cloud, group_id: str, rule: Rule) -> None:
    """Open what the rule says, inbound; already open is no error."""
    call = cloud.ec2.authorize_security_group_ingress
    _ask_once(cloud, call, group_id, rule, done="InvalidPermission.Duplicate")


def revoke(cloud: Cloud, group_id: str, rule: Rule) -> None:
    """Close what the rule says, inbound; already closed is no error."""
    call = cloud.ec2.revoke_security_group_ingress
    _ask_once(cloud, call, group_id, rule, done="InvalidPermission.NotFound")


def _ask_once(
    cloud: Cloud, call: Callable[..., Any], group_id: str, rule: Rule, *, done: str
) -> None:
    """Ask for a change of one rule; the error `done` means that it was so already."""
    try:
        ask(cloud, f"{group_id}: {rule}", call, GroupId=group_id, IpPermissions=[_asked(rule)])
    except CloudError as error:
        if error.code != done:
            raise


def _find(cloud: Cloud, subject: str, selected: list[Any]) -> tuple[Group, ...]:
    call = cloud.ec2.describe_security_groups
    answers = pages(cloud, subject, call, Filters=selected, PaginationConfig={"PageSize": 1000})
    groups = [_group(group) for page in answers for group in page["SecurityGroups"]]
    return tuple(sorted(groups, key=lambda group: group.id))


def _asked(rule: Rule) -> IpPermissionTypeDef:
    said = {"Description": rule.words} if rule.words else {}
    permission: dict[str, Any] = {"IpProtocol": rule.protocol}
    if rule.protocol != "-1":
        permission |= {"FromPort": rule.first, "ToPort": rule.last}
    if rule.source.startswith("sg-"):
        permission["UserIdGroupPairs"] = [{"GroupId": rule.source, **said}]
    elif rule.source.startswith("pl-"):
        permission["PrefixListIds"] = [{"PrefixListId": rule.source, **said}]
    elif ":" in rule.source:
        permission["Ipv6Ranges"] = [{"CidrIpv6": rule.source, **said}]
    else:
        permission["IpRanges"] = [{"CidrIp": rule.source, **said}]
    return permission  # type: ignore[return-value] # the four kinds of sources exclude each other


def _group(described: Mapping[str, Any]) -> Group:
    inbound = (_rules(one, outbound=False) for one in described.get("IpPermissions", ()))
    outbound = (_rules(one, outbound=True) for one in described.get("IpPermissionsEgress", ()))
    return Group(
        id=described["GroupId"],
        name=described.get("GroupName", ""),
        vpc=described.get("VpcId", ""),
        description=described.get("Description", ""),
        rules=frozenset(rule for some in (*inbound, *outbound) for rule in some),
        tags=mapped(described.get("Tags")),
    )


def _rules(permission: Mapping[str, Any], *, outbound: bool) -> Iterator[Rule]:
    protocol = str(permission["IpProtocol"])
    first, last = int(permission.get("FromPort", -1)), int(permission.get("ToPort", -1))
    for kind, key in (
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
        ("UserIdGroupPairs", "GroupId"),
        ("PrefixListIds", "PrefixListId"),
    ):
        for source in permission.get(kind, ()):
            said = source.get("Description", "")
            yield Rule(protocol, first, last, source[key], outbound, said)
