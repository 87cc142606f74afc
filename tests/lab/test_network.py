"""The addresses and names of a lab's network."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from ops.errors import OpsError
from ops.lab.network import SIDES, Network, Side, free_prefix


def test_the_first_free_range_is_taken() -> None:
    assert free_prefix("") == "198.18.0"
    assert free_prefix("inet 198.18.0.1/25\n198.18.1.128/25 dev x") == "198.18.2"


def test_other_networks_of_the_machine_do_not_matter() -> None:
    assert free_prefix("inet 10.198.18.0/24 scope\ninet 192.168.1.1") == "198.18.0"


def test_no_range_left_says_what_to_do() -> None:
    full = "\n".join(f"198.{s}.{t}.1" for s in (18, 19) for t in range(256))
    with pytest.raises(OpsError, match=r"lab\.down"):
        free_prefix(full)


@pytest.mark.parametrize("side", SIDES)
def test_router_and_controller_are_in_the_sides_half(side: Side) -> None:
    network = Network("abc123", "198.18.7")
    half = ip_network(network.half(side))
    for address in (network.router(side), network.controller(side)):
        assert ip_address(address) in half


def test_names_of_interfaces_fit_the_kernel() -> None:
    assert len(Network("abc123", "198.18.7").port("campus")) <= 15
