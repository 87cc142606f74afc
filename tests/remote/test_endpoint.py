from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ops.remote.endpoint import Endpoint, ssh_options
from tests.support.sshd import Sshd


def ssh(way: Endpoint, line: str) -> bytes:
    argv = ["ssh", *ssh_options(way), way.address, line]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=-1, check=True).stdout


@pytest.mark.parametrize("name", ["plain", "with space", "per%cent", 'quo"te', "a#b", "it's", "=b"])
def test_ssh_finds_files_of_any_name(server: Sshd, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for source, copy in ((server.client_key, "key"), (server.pin("wiki.cloud.main"), "hosts")):
        assert source is not None
        (folder / copy).write_bytes(source.read_bytes())
        (folder / copy).chmod(0o600)
    way = replace(
        server.endpoint("wiki.cloud.main"), identity=folder / "key", known_hosts=folder / "hosts"
    )
    assert ssh(replace(way, gateway=way), "echo in") == b"in\n"


def test_gateways_of_gateways_are_options_too(server: Sshd) -> None:
    way = server.endpoint("wiki.cloud.main")
    assert ssh(replace(way, gateway=replace(way, gateway=way)), "echo in") == b"in\n"


def test_a_given_key_is_the_only_one_tried(server: Sshd) -> None:
    way = server.endpoint()
    assert "IdentitiesOnly=yes" in ssh_options(way)
    assert "IdentitiesOnly=yes" not in ssh_options(replace(way, identity=None))


def test_no_ssh_config_is_read_as_it_could_make_ssh_less_strict(
    server: Sshd, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(f"Host *\n KnownHostsCommand /bin/echo wiki.cloud.main {server.host_key}\n")
    way = replace(server.endpoint("wiki.cloud.main", pinned=False), ssh_config=config)
    with pytest.raises(subprocess.CalledProcessError):
        ssh(replace(way, known_hosts=tmp_path / "none"), "echo in")
