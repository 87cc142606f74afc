"""The lab's network: campus and EC2 hosts, each in a network namespace of its own.

Each side is a namespace that is its switch and its router. The campus has the lower half of
the lab's /24, EC2 the upper half; between them lies the link (ops/lab/link.py). This machine,
the controller, is on both sides: its packets do not pass the link.

    controller --+-- campus switch (.2) --- link --- EC2 switch (.130) --+-- controller
      (.1)            |    |                               |    |             (.129)
                    hosts from .10                      hosts from .140
"""

from __future__ import annotations

import fcntl
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ops.errors import OpsError
from ops.lab.programs import attempt, call

Side = Literal["campus", "cloud"]

SIDES: tuple[Side, ...] = ("campus", "cloud")

BUFFERS = "4096 131072 33554432"
"""TCP buffers of the hosts: 4 MiB, Linux's own most, fill 60 % of 500 Mbit/s at 70 ms."""

_LOCK = Path("/run/lock/ops-lab-network")


@dataclass(frozen=True)
class Network:
    """A lab's names and addresses; `prefix` is the first three parts of its /24."""

    lab_id: str
    prefix: str

    def address(self, last: int) -> str:
        """Return the address with this last part."""
        return f"{self.prefix}.{last}"

    def mac(self, last: int) -> str:
        """Return the hardware address that goes with an address.

        It is made from the address, so that a new host at the address of an old one answers
        at once: neighbours may hold the old pair for half a minute.
        """
        return "02:00:" + ":".join(f"{int(part):02x}" for part in self.address(last).split("."))

    def half(self, side: Side) -> str:
        """Return the address range of one side."""
        return f"{self.prefix}.{0 if side == 'campus' else 128}/25"

    def router(self, side: Side) -> str:
        """Return the address that the side's hosts send everything else to."""
        return self.address(2 if side == "campus" else 130)

    def controller(self, side: Side) -> str:
        """Return the controller's own address on one side."""
        return self.address(1 if side == "campus" else 129)

    def switch(self, side: Side) -> str:
        """Return the name of the side's namespace."""
        return f"ops{self.lab_id}-{side}"

    def namespace(self, host: str) -> str:
        """Return the name of a host's namespace."""
        return f"ops{self.lab_id}-host-{host}"

    def port(self, side: Side) -> str:
        """Return the name of the controller's interface on one side (15 letters at most)."""
        return f"o{self.lab_id}{side[:2]}"


def free_prefix(addresses: str) -> str:
    """Return the first /24 of 198.18.0.0/15 that none of this machine's addresses lies in.

    `addresses` is what `ip -4 -oneline address` and `ip -4 route` print. That range is
    reserved for benchmarks (RFC 2544), so it collides with nobody's network.
    """
    taken = set(re.findall(r"\b(198\.1[89]\.\d+)\.\d+", addresses))
    every = (f"198.{second}.{third}" for second in (18, 19) for third in range(256))
    free = next((prefix for prefix in every if prefix not in taken), None)
    if free is None:
        raise OpsError("every /24 of 198.18.0.0/15 is in use", "take a lab down: fab lab.down")
    return free


def build(lab_id: str) -> Network:
    """Make both sides, with the controller on them, and return the network."""
    _LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = call("ip", "-4", "-oneline", "address") + call("ip", "-4", "route")
        network = Network(lab_id, free_prefix(known.decode()))
        for side in SIDES:
            _side(network, side)
    return network


def add_host(network: Network, host: str, side: Side, last: int) -> str:
    """Make a host's namespace with its interface host0 on the side's switch; return its name.

    `last` is the last part of its address, which also names its port on the switch.
    """
    space, switch = network.namespace(host), network.switch(side)
    call("ip", "netns", "add", space)
    _batch(
        switch,
        f"link add p{last} type veth peer name host0 address {network.mac(last)} netns {space}",
        f"link set p{last} master br0 up",
    )
    _batch(
        space,
        f"address add {network.address(last)}/25 dev host0",
        "link set host0 up",
        "link set lo up",
        f"route add default via {network.router(side)}",
    )
    _tune(space, f"echo {BUFFERS} >ipv4/tcp_rmem; echo {BUFFERS} >ipv4/tcp_wmem")
    return space


def remove_namespace(space: str) -> None:
    """Remove a namespace and with it all its interfaces; none such is no fault."""
    attempt("ip", "netns", "delete", space)


def of_lab(lab_id: str) -> list[str]:
    """Return the names of the lab's namespaces on this machine."""
    lines = call("ip", "netns", "list").decode().splitlines()
    return [line.split()[0] for line in lines if line.startswith(f"ops{lab_id}-")]


def _side(network: Network, side: Side) -> None:
    switch, port = network.switch(side), network.port(side)
    call("ip", "netns", "add", switch)
    _batch(
        switch,
        "link add br0 type bridge",
        f"address add {network.router(side)}/25 dev br0",
        "link set br0 up",
        "link set lo up",
        "tuntap add dev wan mode tun vnet_hdr",
        "link set wan txqueuelen 5000 mtu 1500 up",
        f"route add {network.half(_other(side))} dev wan",
    )
    _tune(switch, "echo 1 >ipv4/ip_forward")
    call("ip", "link", "add", port, "type", "veth", "peer", "name", "up0", "netns", switch)
    _batch(switch, "link set up0 master br0 up")
    call("ip", "address", "add", f"{network.controller(side)}/25", "dev", port)
    call("ip", "link", "set", port, "up")


def _other(side: Side) -> Side:
    return "cloud" if side == "campus" else "campus"


def _batch(space: str, *lines: str) -> None:
    call("ip", "-netns", space, "-batch", "-", stdin="\n".join(lines).encode())


def _tune(space: str, script: str) -> None:
    call("ip", "netns", "exec", space, "sh", "-c", f"cd /proc/sys/net && {{ {script}; }}")
