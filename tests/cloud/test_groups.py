import pytest

from ops.cloud import groups, zones
from ops.cloud.errors import CloudError
from ops.cloud.groups import Rule
from ops.cloud.session import Cloud
from ops.lab.aws.faults import Fault
from ops.lab.aws.server import Server

WEB = Rule("tcp", 443, 443, "192.0.2.0/24", words="the readers")
RULES = (
    WEB,
    Rule("udp", 1024, 2048, "2001:db8::/32"),
    Rule("icmp", -1, -1, "0.0.0.0/0"),
    Rule("tcp", 5666, 5666, "198.51.100.7/32"),
)


def inbound(cloud: Cloud, group: groups.Group) -> frozenset[Rule]:
    """Return what the group lets in by now."""
    found = groups.named(cloud, group.name, group.vpc)
    return found.inbound if found else frozenset()


def test_a_new_group_lets_nothing_in(group: groups.Group, cloud: Cloud, name: str) -> None:
    assert group.inbound == frozenset()
    assert groups.find(cloud, {"ops:component": name}) == (group,)
    assert groups.named(cloud, name, group.vpc) == group


def test_the_same_group_is_made_once(group: groups.Group, cloud: Cloud, name: str) -> None:
    again = groups.create(cloud, name, group.vpc, "a test", {"ops:component": name})
    assert again == group


def test_a_lost_reply_makes_one_group(cloud: Cloud, name: str, server: Server) -> None:
    server.faults.add(Fault("CreateSecurityGroup", "lost"))
    vpc = zones.default_vpc(cloud)
    made = groups.create(cloud, name, vpc, "a test", {"ops:component": name})
    assert groups.find(cloud, {"ops:component": name}) == (made,)


def test_a_group_of_others_is_not_taken(group: groups.Group, cloud: Cloud, name: str) -> None:
    with pytest.raises(CloudError, match=r"InvalidGroup.Duplicate"):
        groups.create(cloud, name, group.vpc, "a test", {"ops:component": "another"})


def test_rules_come_back_as_they_went(group: groups.Group, cloud: Cloud) -> None:
    for rule in (*RULES, Rule("tcp", 22, 22, group.id)):
        groups.allow(cloud, group.id, rule)
    seen = inbound(cloud, group)
    assert seen == frozenset({*RULES, Rule("tcp", 22, 22, group.id)})
    assert {rule.words for rule in seen} == {"", "the readers"}


def test_opening_twice_and_closing_twice_do_no_harm(group: groups.Group, cloud: Cloud) -> None:
    groups.allow(cloud, group.id, WEB)
    groups.allow(cloud, group.id, WEB)
    assert inbound(cloud, group) == {WEB}
    groups.revoke(cloud, group.id, WEB)
    groups.revoke(cloud, group.id, WEB)
    assert inbound(cloud, group) == frozenset()


def test_a_lost_reply_opens_once(group: groups.Group, cloud: Cloud, server: Server) -> None:
    server.faults.add(Fault("AuthorizeSecurityGroupIngress", "lost"))
    groups.allow(cloud, group.id, WEB)
    assert inbound(cloud, group) == {WEB}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (WEB, "tcp 443 from 192.0.2.0/24"),
        (RULES[1], "udp 1024-2048 from 2001:db8::/32"),
        (RULES[2], "icmp from 0.0.0.0/0"),
        (groups.EVERYTHING_OUT, "everything to 0.0.0.0/0"),
    ],
)
def test_a_rule_reads_as_a_line(rule: Rule, words: str) -> None:
    assert str(rule) == words
