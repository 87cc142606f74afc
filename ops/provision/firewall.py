"""The host's own firewall: one file for nftables, made of what the instance's rules open.

It is no second list to keep: what the security group lets through, the host lets in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ops.errors import Refused
from ops.inventory.schema import Instance, Rule
from ops.pages.render import render
from ops.provision.desired import FIREWALL, File

TEMPLATE = "provision/nftables.conf.j2"
PATH = "/etc/nftables.conf"


def file(folders: Sequence[Path], host: str, instance: Instance, port: int) -> File:
    """Return the firewall's file. `port` is the controller's way in.

    Raise Refused when no rule opens it: the firewall would lock the controller out.
    """
    ways_in = [rule for rule in instance.rules if rule.protocol == "tcp" and _opens(rule, port)]
    if not ways_in:
        raise Refused(
            f"{host}: its firewall would lock the controller out, as no rule opens port {port}",
            "Declare a rule for it, or no firewall.",
        )
    text = render(TEMPLATE, folders, host=host, lines=lines(instance.rules))
    return File(PATH, text.encode(), mode="0644", restarts=(FIREWALL,))


def lines(rules: Iterable[Rule]) -> list[str]:
    """Return what nftables lets in, a line for each source of each rule."""
    return [_line(rule, source) for rule in rules for source in rule.sources]


def _line(rule: Rule, source: str) -> str:
    six = ":" in source
    everyone = source in {"0.0.0.0/0", "::/0"}
    where = f"meta nfproto {'ipv6' if six else 'ipv4'}"
    start = where if everyone else f"{'ip6' if six else 'ip'} saddr {source}"
    if rule.protocol == "icmp":
        return f"{start} meta l4proto {'ipv6-icmp' if six else 'icmp'} accept"
    ports = str(rule.port) if rule.last_port is None else f"{rule.port}-{rule.last_port}"
    return f"{start} {rule.protocol} dport {ports} accept"


def _opens(rule: Rule, port: int) -> bool:
    return rule.port is not None and rule.port <= port <= (rule.last_port or rule.port)
