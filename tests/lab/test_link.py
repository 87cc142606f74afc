"""The link between campus and EC2."""

from __future__ import annotations

import subprocess

import pytest

from ops.lab.link import Link
from ops.lab.record import Lab, Ready


def test_the_reference_link_holds_a_round_trip_in_its_queue() -> None:
    assert Link().arguments() == ["35000", "500000000", "4375000", "0"]


def test_a_slow_link_still_has_a_queue() -> None:
    assert Link(delay_ms=0, rate_mbit=1).queue_bytes() == 150_000


def test_loss_is_told_in_millionths() -> None:
    assert Link(loss_percent=0.01).arguments()[-1] == "100"


@pytest.mark.lab
def test_campus_reaches_ec2_through_the_delay_and_the_controller_does_not(
    full_lab: Lab, ready: Ready
) -> None:
    far, router = f"{ready.prefix}.130", f"{ready.prefix}.2"
    space = ["ip", "netns", "exec", f"ops{full_lab.id}-host-wiki"]
    assert 69 < round_trip(space, far) < 110
    assert round_trip(space, router) < 30
    assert round_trip([], far) < 30


def round_trip(before: list[str], address: str) -> float:
    """Return the shortest of many round trips by TCP, in ms, whether refused or not.

    Where the machine is busy few are as short as the link makes them.
    """
    code = (
        "import socket, time\n"
        "best = 9e9\n"
        "for _ in range(30):\n"
        "    s = socket.socket(); s.settimeout(5); began = time.monotonic()\n"
        f"    s.connect_ex(('{address}', 9)); s.close()\n"
        "    best = min(best, time.monotonic() - began)\n"
        "print(best * 1000)\n"
    )
    argv = [*before, "python3", "-c", code]
    return float(subprocess.run(argv, capture_output=True, check=True).stdout)
