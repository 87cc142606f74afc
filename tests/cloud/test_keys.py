import pytest

from ops.cloud import keys
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.lab.aws.faults import Fault
from ops.lab.aws.server import Server

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICpYAhoQQmHhjv2dIE7ZSSsaXFRqgpnHEWheZm64ECNV"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2qpXA9rXVIwEHt3EkS4X1kmbZmYFQnq5mLQfjvhnLT"


def test_a_key_that_is_not_there_is_none(cloud: Cloud, name: str) -> None:
    assert keys.find(cloud, name) is None


def test_a_key_comes_in_with_its_tags(cloud: Cloud, name: str) -> None:
    made = keys.bring_in(cloud, name, PUBLIC, {"ops:component": name})
    assert made == keys.find(cloud, name)
    assert made.holds(PUBLIC + " another comment")
    assert made.tags == {"ops:component": name}


def test_a_key_comes_in_twice_without_harm(cloud: Cloud, name: str) -> None:
    assert keys.bring_in(cloud, name, PUBLIC, {}) == keys.bring_in(cloud, name, PUBLIC, {})


def test_a_lost_reply_is_made_good(cloud: Cloud, name: str, server: Server) -> None:
    server.faults.add(Fault("ImportKeyPair", "lost"))
    assert keys.bring_in(cloud, name, PUBLIC, {}).holds(PUBLIC)


def test_another_key_of_that_name_is_refused(cloud: Cloud, name: str) -> None:
    keys.bring_in(cloud, name, PUBLIC, {})
    with pytest.raises(CloudError, match="is another key") as caught:
        keys.bring_in(cloud, name, OTHER, {})
    assert "cloud.key_name" in caught.value.hint
