from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.remote.command import command
from ops.remote.connection import connect
from ops.remote.endpoint import Endpoint
from ops.remote.errors import HostKeyRefused, Unreachable
from ops.remote.ssh_config import way
from tests.support.processes import gone
from tests.support.sshd import Sshd


def through(server: Sshd, config: Path, text: str) -> Endpoint:
    config.write_text(text)
    return replace(server.endpoint("wiki.campus.main"), ssh_config=config)


def greeting(endpoint: Endpoint) -> bytes:
    with connect(endpoint) as host:
        return host.run(command("echo", "in")).out


def jump(server: Sshd, alias: str = "") -> str:
    return (
        f"Host bastion\n HostName 127.0.0.1\n Port {server.port}\n User {server.user}\n {alias}\n"
        "Host 127.0.0.1\n ProxyJump bastion\n"
    )


def test_a_jump_of_the_config_is_gone_through_when_it_is_pinned(
    server: Sshd, tmp_path: Path
) -> None:
    server.pin(f"[127.0.0.1]:{server.port}")
    assert greeting(through(server, tmp_path / "config", jump(server))) == b"in\n"


def test_a_jump_of_the_config_is_as_strict_as_any(server: Sshd, tmp_path: Path) -> None:
    config = jump(server, "HostKeyAlias bastion.example.edu")
    with pytest.raises(HostKeyRefused, match=r"bastion\.example\.edu"):
        greeting(through(server, tmp_path / "config", config))


def test_a_key_of_the_config_is_used_where_the_inventory_names_none(
    server: Sshd, tmp_path: Path
) -> None:
    endpoint = through(server, tmp_path / "config", f"Host *\n IdentityFile {server.client_key}\n")
    assert greeting(replace(endpoint, identity=None)) == b"in\n"


def test_a_proxy_command_of_the_config_carries_the_connection(server: Sshd, tmp_path: Path) -> None:
    relay = tmp_path / "relay"
    relay.write_text("""\
import socket, sys, threading, os
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while data := os.read(0, 65536): s.sendall(data)
    s.shutdown(1)
threading.Thread(target=up, daemon=True).start()
while data := s.recv(65536): os.write(1, data)
""")
    config = f"Host *\n ProxyCommand {sys.executable} {relay} %h %p\n"
    assert greeting(through(server, tmp_path / "config", config)) == b"in\n"


def test_a_proxy_command_that_ends_is_told(server: Sshd, tmp_path: Path) -> None:
    endpoint = through(server, tmp_path / "config", "Host *\n ProxyCommand false %h\n")
    with pytest.raises(Unreachable, match=r"ProxyCommand ended: false 127\.0\.0\.1"):
        connect(endpoint)


def test_user_port_and_address_stay_the_inventorys(server: Sshd, tmp_path: Path) -> None:
    config = "Host *\n User nobody\n Port 1\n HostName nowhere.invalid\n HostKeyAlias other\n"
    assert greeting(through(server, tmp_path / "config", config)) == b"in\n"


def test_the_inventorys_gateway_wins(server: Sshd, tmp_path: Path) -> None:
    endpoint = through(server, tmp_path / "config", "Host *\n ProxyJump nowhere.invalid\n")
    gate = server.endpoint("gate.campus.main")
    assert way(replace(endpoint, gateway=gate)).gateway == gate


def test_jumps_in_a_circle_are_refused(server: Sshd, tmp_path: Path) -> None:
    config = "Host a\n ProxyJump b\nHost b\n ProxyJump a\nHost 127.0.0.1\n ProxyJump a\n"
    with pytest.raises(OpsError, match="circles"):
        way(through(server, tmp_path / "config", config))


def test_jumps_are_read_with_user_and_port(server: Sshd, tmp_path: Path) -> None:
    config = "Host 127.0.0.1\n ProxyJump ann@one:2222,[::1]:23\n"
    last = way(through(server, tmp_path / "config", config)).gateway
    assert last is not None
    assert (last.address, last.port, last.key_name) == ("::1", 23, "[::1]:23")
    first = last.gateway
    assert first is not None
    assert (first.user, first.address, first.port) == ("ann", "one", 2222)


def test_a_jump_may_be_an_address_of_a_web_page_kind(server: Sshd, tmp_path: Path) -> None:
    config = "Host 127.0.0.1\n ProxyJump ssh://ann@one:2222\n"
    gateway = way(through(server, tmp_path / "config", config)).gateway
    assert gateway is not None
    assert (gateway.user, gateway.address, gateway.port) == ("ann", "one", 2222)


def test_a_jump_without_a_readable_port_is_told(server: Sshd, tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="ProxyJump one:ssh: 'ssh' is no port"):
        way(through(server, tmp_path / "config", "Host 127.0.0.1\n ProxyJump one:ssh\n"))


def test_a_proxy_command_deaf_to_sigterm_is_ended(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.remote.dial._LEAVE", 0.2)
    pid = tmp_path / "pid"
    words = f'trap "" TERM; echo $$ >{pid}; echo SSH-1.0-old; exec sleep 99'
    deaf = f"sh -c '{words}'"
    endpoint = through(server, tmp_path / "config", f"Host *\n ProxyCommand {deaf}\n")
    with pytest.raises(Unreachable, match="Incompatible version"):
        connect(endpoint)
    assert gone(int(pid.read_text()))


def test_a_config_that_is_not_there_is_told(server: Sshd, tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="none"):
        connect(replace(server.endpoint(), ssh_config=tmp_path / "none"))
