"""How fast ops/remote is beside the `ssh` program: `python -m benchmarks.remote`.

200 MB of output of one command on a private sshd on loopback, ours into a sink, `ssh` into
/dev/null, rounds interleaved so that a busy machine slows both alike; medians are told, and their
ratio (allowed: 3 times). benchmarks/fanout.py measures many hosts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from ops.remote.command import command
from ops.remote.connection import connect
from ops.remote.endpoint import Endpoint, ssh_options
from tests.support.sshd import Sshd

SIZE = 200_000_000
LIMIT = 3.0


def main() -> int:
    """Print the figures; return 1 when the output takes more than LIMIT times what ssh takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Sshd(Path(folder) / "sshd") as server:
        ratio = _output(server.endpoint(), Path(folder) / "big", chosen.rounds)
    return 0 if ratio <= LIMIT else 1


def _output(way: Endpoint, big: Path, rounds: int) -> float:
    with Path("/dev/urandom").open("rb") as source:
        big.write_bytes(source.read(SIZE))
    with connect(way) as host:

        def ours() -> None:
            got = 0

            def sink(chunk: bytes) -> None:
                nonlocal got
                got += len(chunk)

            host.run(command("cat", str(big)), sink=sink)
            if got != SIZE:
                raise RuntimeError(f"{got} of {SIZE} bytes")

        def theirs() -> None:
            _ssh(way, f"cat {big}")

        mine, other = _interleaved(ours, theirs, rounds)
    _tell(f"{SIZE // 1_000_000} MB of output", mine, other, SIZE)
    return mine / other


def _ssh(way: Endpoint, line: str) -> None:
    argv = ["ssh", *ssh_options(way), way.address, line]
    quiet = subprocess.DEVNULL
    subprocess.run(argv, stdin=quiet, stdout=quiet, stderr=quiet, check=True)


def _interleaved(
    ours: Callable[[], None], theirs: Callable[[], None], rounds: int
) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for work, taken in zip((ours, theirs), times, strict=True):
            began = time.perf_counter()
            work()
            taken.append(time.perf_counter() - began)
    return median(times[0]), median(times[1])


def _tell(what: str, mine: float, other: float, octets: int) -> None:
    def rate(seconds: float) -> str:
        return f" ({octets / seconds / 1e6:.0f} MB/s)"

    sys.stdout.write(
        f"{what}: ours {mine:.2f} s{rate(mine)}, ssh {other:.2f} s{rate(other)}, "
        f"ratio {mine / other:.2f}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
