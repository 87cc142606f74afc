"""The hosts' own firewall: what the rules open, and nothing else."""

from __future__ import annotations

import pytest

from ops.errors import Refused
from ops.inventory.schema import Instance
from ops.pages.render import SUITE
from ops.provision.firewall import file, lines


def instance(*rules: dict[str, object]) -> Instance:
    told = {"type": "t3.small", "zone": "us-east-1a", "rules": list(rules)}
    return Instance.model_validate(told, by_alias=True)


def test_each_source_of_a_rule_is_a_line() -> None:
    declared = instance(
        {"port": 443, "from": ["192.0.2.0/24", "2001:db8::/32"]},
        {"port": 8000, "last_port": 8010, "protocol": "udp", "from": ["0.0.0.0/0"]},
        {"protocol": "icmp", "from": ["192.0.2.0/24"]},
    )
    assert lines(declared.rules) == [
        "ip saddr 192.0.2.0/24 tcp dport 443 accept",
        "ip6 saddr 2001:db8::/32 tcp dport 443 accept",
        "meta nfproto ipv4 udp dport 8000-8010 accept",
        "ip saddr 192.0.2.0/24 meta l4proto icmp accept",
    ]


def test_the_file_drops_what_is_not_let_in_and_restarts_the_firewall() -> None:
    made = file([SUITE], "wiki.cloud.main", instance({"port": 22, "from": ["192.0.2.1/32"]}), 22)
    assert b"policy drop" in made.content
    assert b"ip saddr 192.0.2.1/32 tcp dport 22 accept" in made.content
    assert (made.path, made.restarts) == ("/etc/nftables.conf", ("nftables",))


def test_a_firewall_that_would_lock_the_controller_out_is_refused() -> None:
    with pytest.raises(Refused, match="lock the controller out"):
        file([SUITE], "wiki.cloud.main", instance({"port": 443, "from": ["0.0.0.0/0"]}), 22)
