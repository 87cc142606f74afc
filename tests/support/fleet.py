"""A fleet to provision: an inventory of its own, the lab's AWS, an sshd for each instance."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.inventory import creation, edit, machine
from ops.inventory.repository import Repository
from ops.inventory.schema import InstanceState
from ops.lab.aws.idle import Idle
from ops.lab.aws.images import IMAGE
from ops.lab.aws.server import Server, serve
from ops.lab.machines import Addresses
from ops.provision.apply import apply
from ops.provision.arrival import Patience
from tests.provision.world import SITE
from tests.support.sshd import Sshd, free_port

PROJECT = Path(__file__).resolve().parents[2]
SOON = Patience(limit=120, attempt=60, pause=0.05, strange=0.5, told_every=0.2)
"""Patience with a busy machine; what is to come too late has a `limit` of its own."""

_loopback = (f"127.77.{number // 250}.{number % 250 + 2}" for number in itertools.count())
"""Addresses for all fleets of this process, which may be more than a last part has numbers."""


class Hosts(Idle):
    """Each instance is a real sshd on a loopback address, with the host key of its user data.

    `silent` instances never come up, nor those named in `mute`; `strangers` show a key of
    their own; `cloud_init` is the shell text of a program that they have by this name.
    """

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__()
        self.folder = folder
        self.port = port
        self.silent = False
        self.mute: set[str] = set()
        self.strangers = False
        self.cloud_init = ""
        self.running: dict[str, Sshd] = {}
        self._places: dict[str, str] = {}

    def addresses(self, instance_id: str) -> Addresses:
        place = self._places.setdefault(instance_id, next(_loopback))
        return Addresses(place, place, "private.lab.example", "public.lab.example")

    def start(
        self,
        instance_id: str,
        *,
        user_data: bytes,
        public_keys: Sequence[str],
        hostname: str,
        volumes: Mapping[str, str],
    ) -> None:
        super().start(
            instance_id,
            user_data=user_data,
            public_keys=public_keys,
            hostname=hostname,
            volumes=volumes,
        )
        packed = user_data.startswith(b"\x1f\x8b")
        told = yaml.safe_load(gzip.decompress(user_data) if packed else user_data)
        if not self.silent and told["hostname"] not in self.mute:
            self.running[instance_id] = self._sshd(instance_id, told)

    def terminate(self, instance_id: str) -> None:
        super().terminate(instance_id)
        self.stop(instance_id)

    def stop(self, instance_id: str) -> None:
        super().stop(instance_id)
        server = self.running.pop(instance_id, None)
        if server:
            server.stop()

    def move(self, instance_id: str, address: str) -> None:
        """Let a host be at another address, and no more where it was."""
        server = self.running[instance_id]
        server.stop()
        server.address = address
        server.__enter__()

    def close(self) -> None:
        """End all that runs."""
        for instance_id in list(self.running):
            self.stop(instance_id)

    def _sshd(self, instance_id: str, told: Any) -> Sshd:
        folder = self.folder / f"{instance_id}-{self.about(instance_id).count('start')}"
        server = _Cloudy(folder, address=self._places[instance_id], port=self.port)
        server.told = {} if self.strangers else told["ssh_keys"]
        server.authorized = told["users"][0]["ssh_authorized_keys"]
        if self.cloud_init:
            (folder / "bin").mkdir(parents=True)
            (folder / "bin/cloud-init").write_text(f"#!/bin/sh\n{self.cloud_init}\n")
            (folder / "bin/cloud-init").chmod(0o755)
        server.__enter__()
        return server


@dataclass
class _Cloudy(Sshd):
    """An sshd that takes its host key and who may come in from user data."""

    told: Mapping[str, str] = field(default_factory=dict)
    authorized: Sequence[str] = ()

    def make_host_key(self) -> str:
        if not self.told:
            return super().make_host_key()
        key = self.folder / "host"
        key.write_text(self.told["ed25519_private"])
        key.chmod(0o600)
        key.with_name("host.pub").write_text(self.told["ed25519_public"])
        return self.host_key

    def _started(self, program: str) -> bool:
        (self.folder / "authorized_keys").write_text("".join(f"{k}\n" for k in self.authorized))
        return super()._started(program)


@dataclass
class Fleet:
    """What a test acts on, and how a person would: `provision` answers with what was told."""

    repo: Repository
    server: Server
    hosts: Hosts
    told: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)

    def provision(self, name: str = "wiki", **given: Any) -> bool:
        self.told.clear()

        def agree(plan: Any) -> bool:
            self.plans = plan.lines()
            return bool(plan)

        given = {"patience": SOON, "tell": self.told.append, **given}
        return apply(self.repo, name, given.pop("agree", agree), **given)

    def instance(self, name: str = "wiki") -> InstanceState:
        """Return what is recorded of the component's instance."""
        return self.repo.state(name).instances["main"]

    def declare(self, target: Mapping[str, Any], name: str = "wiki", **more: object) -> None:
        """Commit a component with this target."""
        path = self.repo.path / "components" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        told = {"description": "a wiki", "owner": "web team", "target": dict(target), **more}
        path.write_text(yaml.safe_dump(told))
        self.repo.git.commit([f"components/{name}.yaml"], f"Declare {name}", machine.person())

    def reach_by(self, kind: str) -> None:
        """Commit which of the instances' addresses is dialled."""
        path = self.repo.path / "site.yaml"
        path.write_text(edit.with_value(path.read_text(), edit.path_of("cloud.address"), kind))
        self.repo.git.commit(["site.yaml"], f"Dial the {kind} address", machine.person())
        self.repo = Repository(self.repo.path, self.repo.project)

    def calls(self, *kinds: str) -> int:
        """Return how often these calls were made to AWS."""
        made = self.server.faults.calls()
        return sum(made.get(kind, 0) for kind in kinds)


PLAIN = {
    "instances": {
        "main": {
            "type": "t3.small",
            "zone": "us-east-1a",
            "volumes": {},
            "rules": [{"port": 22, "from": ["203.0.113.0/24"]}],
        }
    }
}
"""A target whose host needs nothing inside: any sshd will do for it."""


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.setenv("OPS_TEST_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("OPS_TEST_KEY", "secret")
    port = free_port()
    hosts = Hosts(tmp_path / "hosts", port)
    server = serve(hosts)
    try:
        made = Fleet(inventory(tmp_path, server.url, port), server, hosts)
        made.declare(PLAIN)
        yield made
    finally:
        hosts.close()
        server.close()


def inventory(folder: Path, url: str, port: int) -> Repository:
    """Return a new inventory for the lab's AWS at `url` and hosts on `port`."""
    sample = folder / "sample"
    (sample / "components").mkdir(parents=True)
    login = {"user": _user(), "become": "none", "port": port, "identity": "file:var/keys/login"}
    site = SITE | {
        "ssh": {"campus": {"user": "ops"}, "cloud": login, "connect_timeout": 30},
        "cloud": {
            "region": "us-east-1",
            "zones": ["us-east-1a", "us-east-1b"],
            "endpoint": url,
            "credentials": {"access_key": "env:OPS_TEST_ID", "secret_key": "env:OPS_TEST_KEY"},
            "image": IMAGE,
            "public_key": "file:var/keys/login.pub",
        },
    }
    (sample / "site.yaml").write_text(yaml.safe_dump(site))
    return creation.create(sample, folder / "inventory", PROJECT)


def _user() -> str:
    import getpass

    return getpass.getuser()
