"""How long five components take beside one, and a run with nothing to do.

Each host answers a while after its instance was asked for, as a machine that boots. AWS is the
lab's; the hosts are sshd on loopback; the task is `fab provision`, start-up and all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from ops.lab.aws.server import serve
from tests.support.fabric_tree import FAB, PROJECT
from tests.support.fleet import PLAIN, Fleet, Hosts, inventory
from tests.support.sshd import free_port

NAMES = ("one", "two", "three", "four", "five", "six")


class Slow(Hosts):
    """Hosts whose sshd is there some seconds after the instance was started."""

    seconds = 10.0

    def start(self, instance_id: str, **told: Any) -> None:
        super_start = super().start
        threading.Timer(self.seconds, lambda: super_start(instance_id, **told)).start()


def main() -> int:
    """Print the figures; return 1 when five cost more than 1.3 times one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="until a host answers")
    Slow.seconds = parser.parse_args().seconds
    os.environ |= {"OPS_TEST_ID": "AKIAIOSFODNN7EXAMPLE", "OPS_TEST_KEY": "secret"}
    with tempfile.TemporaryDirectory(prefix="ops-bench-") as folder:
        hosts = Slow(Path(folder) / "hosts", free_port())
        server = serve(hosts)
        try:
            fleet = Fleet(inventory(Path(folder), server.url, hosts.port), server, hosts)
            for name in NAMES:
                fleet.declare(PLAIN, name)
            return _measure(fleet)
        finally:
            hosts.close()
            server.close()


def _measure(fleet: Fleet) -> int:
    one = _provision(fleet, NAMES[0])
    five = _provision(fleet, ",".join(NAMES[1:]))
    none = min(_provision(fleet, NAMES[0]) for _ in range(3))
    start = min(_timed(["--list"], fleet) for _ in range(3))
    print(f"one component, its host there after {Slow.seconds:g} s: {one:.1f} s")
    print(f"five side by side: {five:.1f} s, {five / one:.2f} times one (at most 1.3)")
    print(f"nothing to do: {none:.2f} s, {none - start:.2f} s beyond `fab --list`")
    return int(five > 1.3 * one)


def _provision(fleet: Fleet, names: str) -> float:
    return _timed(["provision", f"app={names}", "allow-instances=9"], fleet)


def _timed(words: list[str], fleet: Fleet) -> float:
    environ = {**os.environ, "OPS_INVENTORY": str(fleet.repo.path)}
    began = time.monotonic()
    done = subprocess.run(
        [FAB, *words], cwd=PROJECT, env=environ, check=False, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"fab {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
