"""A component of a test's own in the full lab, and what a person does to it."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import yaml

from ops import run
from ops.cloud import instances, tags, volumes
from ops.cloud.calls import Wait
from ops.cloud.errors import CloudError
from ops.inventory import machine
from ops.inventory.repository import Repository
from ops.inventory.schema import InstanceState
from ops.lab.aws.faults import Fault
from ops.lab.aws.states import set_state
from ops.lab.record import Lab
from ops.remote.command import script
from tests.support.fabric_tree import FAB, PROJECT

SOON = Wait(0.2, 300)
FOLDER, LOGS, FILE = "/srv/files", "/srv/files/logs", "/etc/nginx-files.conf"
PACKAGE = "libjs-jquery"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICpYAhoQQmHhjv2dIE7ZSSsaXFRqgpnHEWheZm64ECNV editor"

TARGET = {
    "instances": {
        "main": {
            "type": "t3.small",
            "zone": "us-east-1a",
            "volumes": {
                "data": {"size_gib": 1, "device": "/dev/sdf", "mount": FOLDER},
                "logs": {
                    "size_gib": 1,
                    "device": "/dev/sdg",
                    "mount": LOGS,
                    "filesystem": "xfs",
                },
            },
            "rules": [{"port": 22, "from": ["198.18.0.0/15"]}],
        }
    },
    "packages": [PACKAGE],
    "files": [{"path": FILE, "template": "wiki/nginx.conf", "mode": "0600", "restarts": ["cron"]}],
    "services": [{"name": "cron"}],
    "users": [{"name": "editor", "groups": ["adm"], "keys": [KEY], "sudo": True}],
    "time_zone": "Europe/Berlin",
    "firewall": True,
}
HOOKS = {
    "level": "crash",
    "before": [{"script": "wiki/nginx.conf"}],
    "schedule": "15 2 * * *",
    "keep": {"last": 1},
}


@dataclass
class Part:
    """A component of the test's own in the lab, and what a person does to it."""

    lab: Lab
    repo: Repository
    name: str

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "OPS_INVENTORY": str(self.repo.path)}

    @property
    def instance(self) -> InstanceState:
        return self.repo.state(self.name).instances["main"]

    def start(self, task: str = "provision", *words: str) -> subprocess.Popen[str]:
        """Start a task of `fab` on the component."""
        return subprocess.Popen(
            [FAB, task, f"app={self.name}", *words],
            cwd=PROJECT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def fab(self, task: str, *words: str) -> tuple[int, str]:
        """Run a task of `fab` on the component; return exit code and what was said."""
        process = self.start(task, *words)
        out, _ = process.communicate(timeout=900)
        return process.returncode, out

    def provision(self) -> tuple[int, str]:
        """Run `fab provision`; return exit code and what was said."""
        return self.fab("provision")

    def drift(self) -> tuple[int, set[str]]:
        """Run `fab provision.drift`; return the exit code and the kinds of what was found."""
        done = subprocess.run(
            [FAB, "provision.drift", f"app={self.name}", "json=true"],
            cwd=PROJECT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, {one["kind"] for one in json.loads(done.stdout)["drift"]}

    def provision_until(self, pattern: str, count: int = 1, more: float = 0) -> None:
        """Run `fab provision` and kill it that many seconds after the COUNTth line of PATTERN."""
        self.kill_at(self.start(), pattern, count, more)

    def kill_at(
        self, process: subprocess.Popen[str], pattern: str, count: int, more: float
    ) -> None:
        """Kill a task that many seconds after the COUNTth line of PATTERN."""
        for line in process.stdout or ():
            count -= bool(re.search(pattern, line))
            if not count:
                break
        with suppress(subprocess.TimeoutExpired):
            process.wait(more)
        process.kill()
        process.communicate()

    def do(self, text: str, *words: str) -> str:
        """Run shell text as root on the instance."""
        with run.host(self.repo, self.name, "cloud") as host:
            return host.run(script(text, *words, root=True)).out.decode()

    def declare(self, target: dict[str, Any]) -> None:
        """Commit the component with this target."""
        path = f"components/{self.name}.yaml"
        told = {"description": "a test's", "owner": "a test", "target": target, "backup": HOOKS}
        (self.repo.path / path).write_text(yaml.safe_dump(told))
        self.repo.git.commit([path], f"Declare {self.name}", machine.person())

    def lose_power(self) -> None:
        """End the instance's machine at once; EC2 goes on telling that it runs."""
        lose_power(self.repo, self.instance.id)

    def misbehave(self, *faults: Fault) -> None:
        """Let the lab's AWS commit these faults."""
        address = str(self.repo.site().cloud.endpoint).removeprefix("http://")
        connection = HTTPConnection(address, timeout=10)
        told = json.dumps([one.data() for one in faults])
        connection.request("POST", "/lab/faults", told)
        assert connection.getresponse().status == 200
        connection.close()

    def device(self, volume: str) -> str:
        """Return this machine's own name of a volume's disk."""
        words = ["losetup", "-nO", "NAME", "-j", str(self.lab.path / f"disks/{volume}.img")]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def lose_power(repo: Repository, instance_id: str) -> None:
    """End an instance's machine at once; EC2 goes on telling that it runs."""
    set_state(str(repo.site().cloud.endpoint), instance_id, "dead")


@contextmanager
def declared(lab: Lab) -> Iterator[Part]:
    """Give a new component of the lab; at the end all of it is gone."""
    repo = Repository(Path(lab.inventory), PROJECT)
    name = f"part-{secrets.token_hex(4)}"
    path = f"components/{name}.yaml"
    made = Part(lab, repo, name)
    made.declare(TARGET)
    try:
        yield made
    finally:
        _remove(made)
        (repo.path / path).unlink()
        repo.git.commit([path], f"Remove {name}", machine.person())


def _remove(part: Part) -> None:
    aws = run.cloud(part.repo)
    for found in instances.find(aws, {tags.COMPONENT: part.name}):
        instances.protect(aws, found.id, on=False)
        instances.terminate(aws, found.id)
    for volume in volumes.find(aws, {tags.COMPONENT: part.name, tags.VOLUME: tags.ANY}):
        with suppress(CloudError):
            volumes.remove(aws, volumes.wait_available(aws, volume.id, SOON).id)
