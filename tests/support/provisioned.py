"""A provisioned component at the lab's AWS, in an inventory of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from ops import run
from ops.cloud import volumes
from ops.cloud.instances import Instance
from ops.inventory.repository import Repository
from ops.inventory.schema import State
from ops.lab.aws.server import Server
from tests.support.inventories import new_inventory


@pytest.fixture
def provisioned(
    tmp_path: Path,
    server: Server,
    instance: Instance,
    add_volume: Callable[[str], volumes.Volume],
) -> Iterator[Repository]:
    """An inventory whose `wiki` has an instance with one data volume."""
    volume = add_volume("/dev/sdf")
    made = new_inventory(tmp_path / "inventory")
    _point_to(made, server)
    with run.begin(made, "provision", "wiki") as r:
        r.observe(_state(instance, volume))
    yield made


def _point_to(repo: Repository, server: Server) -> None:
    path = repo.path / "site.yaml"
    site = yaml.safe_load(path.read_text())
    for key in ("access_key", "secret_key"):
        secret = repo.path / "var" / key
        secret.touch(0o600)
        secret.write_text("AKIAIOSFODNN7EXAMPLE")
    site["cloud"]["endpoint"] = server.url
    site["cloud"]["credentials"] = {
        "access_key": "file:var/access_key",
        "secret_key": "file:var/secret_key",
    }
    site["ssh"]["connect_timeout"] = 1
    path.write_text(yaml.safe_dump(site))
    repo.git.run("-c", "user.name=p", "-c", "user.email=p@x", "commit", "-qam", "use the lab's AWS")


def _state(made: Instance, volume: volumes.Volume) -> State:
    instance = {
        "id": made.id,
        "type": made.type,
        "zone": made.zone,
        "image": made.image,
        "group": made.groups[0],
        "private_address": "127.0.0.1",
        "public_address": "127.0.0.1",
        "volumes": {"data": {"id": volume.id, "size_gib": 5, "created_by": "a run"}},
    }
    return State.model_validate({"phase": "provisioned", "instances": {"main": instance}})
