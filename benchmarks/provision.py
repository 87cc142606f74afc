"""How long five components take beside one, and a run with nothing to do.

Each host answers a while after its instance was asked for, as a machine that boots. AWS is the
lab's; the hosts are sshd on loopback; the task is `fab provision`, start-up and all. What the
run with nothing to do asks its host for are packages and a file, so it has to run as root.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from ops.lab.aws.server import serve
from ops.provision.arrival import Patience
from ops.provision.worksite import Worksite, open_site
from tests.support.fabric_tree import FAB, PROJECT
from tests.support.fleet import PLAIN, Fleet, Hosts, inventory
from tests.support.sshd import free_port

NAMES = ("one", "two", "three", "four", "five", "six")
ASKED = "asked"
"""The component whose host has something to tell."""

FOLDER = Path("/run/ops")
"""Where hosts keep the suite's locks: here that is this machine."""


class Slow(Hosts):
    """Hosts whose sshd is there some seconds after the instance was started."""

    seconds = 10.0

    def start(self, instance_id: str, **told: Any) -> None:
        super_start = super().start
        threading.Timer(self.seconds, lambda: super_start(instance_id, **told)).start()


def main() -> int:
    """Print the figures; return 1 when one of them is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="until a host answers")
    Slow.seconds = parser.parse_args().seconds
    if os.geteuid():
        sys.exit("bench-provision: only root is told a host's packages and files: run it as root")
    there = FOLDER.exists()
    os.environ |= {"OPS_TEST_ID": "AKIAIOSFODNN7EXAMPLE", "OPS_TEST_KEY": "secret"}
    with tempfile.TemporaryDirectory(prefix="ops-bench-") as folder:
        hosts = Slow(Path(folder) / "hosts", free_port())
        server = serve(hosts)
        try:
            fleet = Fleet(inventory(Path(folder), server.url, hosts.port), server, hosts)
            for name in NAMES:
                fleet.declare(PLAIN, name)
            _declare_asked(fleet, Path(folder) / "asked.conf")
            return _measure(fleet)
        finally:
            hosts.close()
            server.close()
            if not there:
                shutil.rmtree(FOLDER, ignore_errors=True)


def _declare_asked(fleet: Fleet, path: Path) -> None:
    template = fleet.repo.path / "templates/asked.conf.j2"
    template.parent.mkdir(exist_ok=True)
    template.write_text("of {{ component }}\n")
    files = [{"path": str(path), "template": "asked.conf.j2"}]
    fleet.declare({**PLAIN, "packages": ["bash", "coreutils"], "files": files}, ASKED)


def _measure(fleet: Fleet) -> int:
    one = _provision(fleet, NAMES[0])
    five = _provision(fleet, ",".join(NAMES[1:]))
    print(f"one component, its host there after {Slow.seconds:g} s: {one:.1f} s")
    print(f"five side by side: {five:.1f} s, {five / one:.2f} times one (at most 1.3)")
    return int(five > 1.3 * one or not _nothing_to_do(fleet))


def _nothing_to_do(fleet: Fleet) -> bool:
    """Print what a run with nothing to do takes; return whether that is as promised."""
    _provision(fleet, ASKED)
    server = fleet.hosts.running[fleet.instance(ASKED).id]
    before = server.log.count("Accepted publickey")
    rounds = 3
    none = min(_provision(fleet, ASKED) for _ in range(rounds))
    connections = (server.log.count("Accepted publickey") - before) / rounds
    start, aws = min(_timed(["--list"], fleet) for _ in range(rounds)), _aws(fleet)
    own = none - start - aws
    print(f"nothing to do, packages and a file asked for: {none:.2f} s")
    print(f"of these `fab --list` takes {start:.2f} s, AWS {aws:.2f} s, and the rest {own:.2f} s")
    print(f"(at most 2), with {connections:g} SSH connections (1)")
    return own < 2 and connections == 1


def _aws(fleet: Fleet) -> float:
    """Return the seconds that AWS takes to tell what there is, as a run asks it."""
    with open_site(fleet.repo, ASKED, print, Patience()) as work:
        return min(_look(work) for _ in range(3))


def _look(work: Worksite) -> float:
    began = time.monotonic()
    work.accounts(work.wanted, work.repo.state(ASKED))
    return time.monotonic() - began


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
