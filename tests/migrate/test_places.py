"""Places to copy from and to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.errors import UsageError
from ops.migrate.places import place, split
from ops.remote.errors import HostKeyRefused
from tests.migrate.fleet import Fleet, fleet


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Fleet]:
    with fleet(tmp_path) as made:
        yield made


def test_host_and_path_are_told_apart() -> None:
    assert split("wiki.cloud.main:/srv/wiki/") == ("wiki.cloud.main", "/srv/wiki")
    assert split("me@[::1]:/a:b") == ("me@[::1]", "/a:b")


@pytest.mark.parametrize("text", ["wiki", "/srv", "host:relative", ":/srv", "-oX:/srv", ""])
def test_what_names_no_place_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no HOST:PATH"):
        split(text)


def test_the_inventory_knows_its_hosts(here: Fleet) -> None:
    found = place(here.repo, "wiki.cloud.main:/srv", {})
    assert (found.path, found.endpoint.port) == ("/srv", here.cloud.port)
    assert found.key == here.cloud.host_key


def test_ssh_config_knows_others(here: Fleet, tmp_path: Path) -> None:
    home = tmp_path / "person"
    (home / ".ssh").mkdir(parents=True)
    (home / "known").write_text(f"archive {here.cloud.host_key}\n")
    (home / ".ssh/config").write_text(
        f"Host old\n HostName 127.0.0.1\n Port {here.cloud.port}\n HostKeyAlias archive\n"
        f" User me\n UserKnownHostsFile {home}/known\n"
    )
    found = place(here.repo, "old:/srv", {**os.environ, "HOME": str(home)})
    assert (found.endpoint.user, found.endpoint.port) == ("me", here.cloud.port)
    assert found.key == here.cloud.host_key


def test_a_host_whose_key_is_unknown_is_refused(here: Fleet, tmp_path: Path) -> None:
    with pytest.raises(HostKeyRefused, match="no host key is known"):
        place(here.repo, "stranger.example.org:/srv", {"HOME": str(tmp_path)})
