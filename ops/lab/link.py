"""The wide-area link between campus and EC2: a relay with delay, rate and loss."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.lab.network import Network
from ops.lab.processes import environment
from ops.lab.programs import call

SOURCE = Path(__file__).with_name("relay.c")


@dataclass(frozen=True)
class Link:
    """What the link does to each packet, the same both ways.

    The queue holds what the link carries in one round trip; a packet that would wait longer
    is dropped. The defaults are the reference link: 35 ms each way, 500 Mbit/s.
    """

    delay_ms: float = 35.0
    rate_mbit: float = 500.0
    loss_percent: float = 0.0

    def queue_bytes(self) -> int:
        """Return the size of the queue: one round trip at full rate, 100 packets at least."""
        return max(int(self.rate_mbit * 1e6 / 8 * self.delay_ms * 2 / 1000), 100 * 1500)

    def arguments(self) -> list[str]:
        """Return the relay's arguments: microseconds, bit/s, bytes, losses per million."""
        numbers = (self.delay_ms * 1000, self.rate_mbit * 1e6, self.queue_bytes())
        return [*(str(round(number)) for number in numbers), str(round(self.loss_percent * 10_000))]


def relay(cache: Path) -> Path:
    """Return the compiled relay, compiled first where the cache does not hold this source."""
    program = cache / f"relay-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]}"
    if not program.exists():
        making = program.with_suffix(f".{os.getpid()}")
        call("gcc", "-O2", "-Wall", "-o", str(making), str(SOURCE))
        making.rename(program)
    return program


def start(network: Network, link: Link, cache: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the link between the network's two sides; it ends with this process."""
    sides = [network.switch("campus"), network.switch("cloud")]
    argv = [str(relay(cache)), *sides, "wan", *link.arguments()]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(network.lab_id),
        )
    if process.stdout is None or process.stdout.readline() != b"ready\n":
        raise OpsError(f"the lab's link did not start: {log.read_text().strip()}")
    return process
