"""The lab's inventory, as data."""

from __future__ import annotations

import pytest

from ops.inventory.schema import Component, Site
from ops.lab import declared
from ops.lab.record import CampusHost, Kind, Lab, Ready

HOSTS = {
    "wiki": CampusHost("198.18.0.10", "ssh-ed25519 AAAA", 300, 10**6),
    "documents": CampusHost("198.18.0.11", "ssh-ed25519 BBBB", 20_000, 3 * 10**9),
}
READY = Ready("http://127.0.0.1:5000", 22, HOSTS, 1, 1, php="8.2")


def lab(kind: Kind) -> Lab:
    return Lab("abc123", kind, "/srv/lab", "person", 1, 100, 10, 1.0, 35.0, 500.0, 0.0)


@pytest.mark.parametrize("kind", ["full", "light"])
def test_it_is_valid(kind: Kind) -> None:
    Site.model_validate(declared.site(lab(kind), READY, "ami-0debedeb1200debed"))
    for component in declared.components(lab(kind), READY).values():
        assert list(Component.model_validate(component).dangling()) == []


def test_a_light_lab_declares_data_only() -> None:
    for component in declared.components(lab("light"), READY).values():
        target = Component.model_validate(component).target
        assert target is not None
        assert not (target.packages or target.files or target.services)
        assert not target.instances["main"].volumes


def test_a_light_lab_logs_in_as_the_person_without_sudo() -> None:
    site = Site.model_validate(declared.site(lab("light"), READY, "ami-0debedeb1200debed"))
    assert (site.ssh.cloud.user, site.ssh.cloud.become) == ("person", "none")


def test_the_documents_fit_their_volume() -> None:
    documents = Component.model_validate(declared.components(lab("full"), READY)["documents"])
    assert documents.target is not None
    assert documents.target.instances["main"].volumes["data"].size_gib >= 5


def test_a_full_lab_has_a_scratch_host_with_nothing_on_it() -> None:
    site = Site.model_validate(declared.site(lab("full"), READY, "ami-0debedeb1200debed"))
    assert site.scratch is not None
    scratch = Component.model_validate(declared.components(lab("full"), READY)["scratch"])
    assert scratch.target is not None and not scratch.data
    assert not scratch.target.instances[site.scratch.slot].volumes
