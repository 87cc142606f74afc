"""How hosts are reached, by what the inventory says of them."""

from __future__ import annotations

from typing import Any

import pytest

from ops import run
from ops.errors import OpsError, Refused
from ops.inventory import files, recovery
from ops.inventory.repository import Repository
from ops.inventory.schema import InstanceState, State
from tests.support.inventories import PROJECT, edit

INSTANCE: dict[str, Any] = {
    "id": "i-1",
    "type": "m5.large",
    "zone": "us-east-1a",
    "image": "ami-1",
    "group": "sg-1",
    "private_address": "10.0.0.5",
    "public_address": "203.0.113.5",
}


def with_instance(repo: Repository, **values: Any) -> None:
    instance = InstanceState.model_validate({**INSTANCE, **values})
    state = State.model_validate({"instances": {"main": instance}})
    files.write(repo.path / "state" / "wiki.yaml", recovery.state_text(state).encode())


def test_a_campus_host_is_reached_through_its_gateway(repo: Repository) -> None:
    found = run.endpoint(repo, "wiki", "campus")
    assert (found.key_name, found.address, found.user) == (
        "wiki.campus.main",
        "amoeba.example.edu",
        "ops",
    )
    assert found.become == "sudo" and found.identity == repo.var / "keys" / "login"
    assert found.gateway is not None and found.gateway.key_name == "gateway.campus-gate"


def test_a_hosts_own_port_and_user_count_first(repo: Repository) -> None:
    found = run.endpoint(repo, "tracker", "campus", "database")
    assert (found.port, found.user, found.gateway) == (2222, "dbops", None)


@pytest.mark.parametrize(("side", "address"), [("public", "203.0.113.5"), ("private", "10.0.0.5")])
def test_an_instance_is_dialled_as_the_site_says(repo: Repository, side: str, address: str) -> None:
    with_instance(repo)
    edit(repo, "site.yaml", "address: public", f"address: {side}", commit=False)
    found = run.endpoint(Repository(repo.path, PROJECT), "wiki", "cloud")
    assert (found.key_name, found.address) == ("wiki.cloud.main", address)


def test_what_is_not_there_is_told_with_the_way_to_it(repo: Repository) -> None:
    with pytest.raises(OpsError, match="no instance main") as caught:
        run.endpoint(repo, "wiki", "cloud")
    assert "fab provision app=wiki" in caught.value.hint
    with pytest.raises(OpsError, match="no campus host other"):
        run.endpoint(repo, "wiki", "campus", "other")


def test_an_identity_that_others_may_read_is_refused(repo: Repository) -> None:
    (repo.var / "keys" / "login").chmod(0o644)
    with pytest.raises(Refused, match="others may read"):
        run.endpoint(repo, "wiki", "campus")
