"""How fast ops/remote is beside the `ssh` program: `python -m benchmarks.remote [--hosts N]`.

Two measurements on private sshd servers on loopback, rounds interleaved so that a busy machine
slows both alike; medians are told, and their ratio:
- 200 MB of output of one command, ours into a sink, `ssh` into /dev/null (allowed: 3 times);
- one small command on each of N hosts at addresses of their own, ours with connecting, 16 at
  once, beside as many `ssh` processes, 16 at once.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from ops.remote.command import command
from ops.remote.connection import connect
from ops.remote.endpoint import Endpoint, ssh_options
from ops.remote.fanout import each, unfinished
from tests.support.sshd import Sshd

SIZE = 200_000_000
LIMIT = 3.0


def main() -> int:
    """Print the figures; return 1 when the output takes more than LIMIT times what ssh takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        ways = [
            servers.enter_context(Sshd(Path(folder) / str(n), address=f"127.0.1.{n}")).endpoint()
            for n in range(1, chosen.hosts + 1)
        ]
        ratio = _output(ways[0], Path(folder) / "big", chosen.rounds)
        _fan_out(ways, chosen.rounds)
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


def _fan_out(ways: list[Endpoint], rounds: int) -> None:
    def greet(way: Endpoint) -> None:
        with connect(way) as host:
            host.run(command("true"))

    def ours() -> None:
        if failed := unfinished(each(ways, greet, limit=16, seconds=60)):
            raise RuntimeError("\n".join(failed))

    def theirs() -> None:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda way: _ssh(way, "true"), ways))

    mine, other = _interleaved(ours, theirs, rounds)
    _tell(f"connect and run on {len(ways)} hosts", mine, other)


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


def _tell(what: str, mine: float, other: float, octets: int = 0) -> None:
    def rate(seconds: float) -> str:
        return f" ({octets / seconds / 1e6:.0f} MB/s)" if octets else ""

    sys.stdout.write(
        f"{what}: ours {mine:.2f} s{rate(mine)}, ssh {other:.2f} s{rate(other)}, "
        f"ratio {mine / other:.2f}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
