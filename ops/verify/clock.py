"""How far a host's clock is from ours."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ops.remote.command import command
from ops.remote.host import Host

ROUNDS = 3

TICK = 0.01
"""Seconds by which the kernel may stamp files too early: it takes the time of the last tick."""


@dataclass(frozen=True)
class Offset:
    """The host's clock less ours, in seconds, give or take `error`."""

    seconds: float
    error: float

    def on_host(self, moment: float) -> float:
        """Return our `moment` on the host's clock, as early as it may have been."""
        return moment + self.seconds - self.error - TICK


def measure(host: Host) -> Offset:
    """Return the offset of the host's clock: of three questions, the one answered fastest."""
    return min((_ask(host) for _ in range(ROUNDS)), key=lambda offset: offset.error)


def _ask(host: Host) -> Offset:
    before = time.time()
    there = float(host.run(command("date", "+%s.%N")).out)
    after = time.time()
    return Offset(there - (before + after) / 2, (after - before) / 2)
