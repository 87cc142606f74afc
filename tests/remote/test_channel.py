"""Servers that misbehave once we are in; sshd does none of this by itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import paramiko
import pytest

from ops.remote.channel import FastTransport
from ops.remote.command import command
from ops.remote.connection import SESSIONS, SshHost, connect
from ops.remote.endpoint import Endpoint
from ops.remote.errors import Unreachable
from tests.support.sshd import make_key

Answer = Callable[[paramiko.Channel], bool]


class Server(paramiko.ServerInterface):
    """Lets everybody in, and does with a command what the test says."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL  # type: ignore[attr-defined,no-any-return] # not in the stub

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED  # type: ignore[attr-defined,no-any-return] # not in the stub

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return self._answer(channel)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("key") / "key")


@contextmanager
def served(key: Path, answer: Answer) -> Iterator[SshHost]:
    """Yield a connection to a server with that answer to commands."""
    known_hosts = key.with_name("known_hosts")
    known_hosts.write_text(f"wiki.campus.main {key.with_suffix('.pub').read_text()}")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        transports: list[paramiko.Transport] = []

        def accept() -> None:
            transports.append(paramiko.Transport(listening.accept()[0]))
            transports[0].add_server_key(paramiko.Ed25519Key(filename=str(key)))
            transports[0].start_server(threading.Event(), Server(answer))  # waits for nothing

        threading.Thread(target=accept, daemon=True).start()
        way = Endpoint("wiki.campus.main", "127.0.0.1", "ops", known_hosts, identity=key)
        try:
            with connect(replace(way, port=listening.getsockname()[1])) as host:
                yield host
        finally:
            for transport in transports:
                transport.close()


def once_asked(channel: paramiko.Channel, act: Callable[[], object]) -> bool:
    """Say yes to a command, and act when the client has heard that: it sends input then."""

    def work() -> None:
        channel.recv(1)
        act()

    threading.Thread(target=work, daemon=True).start()
    return True


def told(host: SshHost) -> str:
    with pytest.raises(Unreachable) as error:
        host.run(command("true", stdin=b"x"))
    assert host._sessions._value == SESSIONS
    return str(error.value)


def test_a_server_that_neither_starts_nor_refuses_is_left(
    key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.remote.connection._ANSWER", 0.3)
    let_go = threading.Event()
    with served(key, lambda _: let_go.wait(60)) as host:
        try:
            with pytest.raises(Exception, match=r"Channel (closed|is not open)"):
                host.run(command("true"))
            assert host._sessions._value == SESSIONS
        finally:
            let_go.set()


def test_a_server_that_dies_in_the_middle_of_output_is_told(key: Path) -> None:
    def die(channel: paramiko.Channel) -> bool:
        def speak() -> None:
            channel.sendall(b"half of")
            channel.get_transport().close()

        return once_asked(channel, speak)

    with served(key, die) as host:
        assert "the connection was lost while a command ran" in told(host)


def test_a_server_that_turns_to_garbage_is_told(key: Path) -> None:
    def babble(channel: paramiko.Channel) -> bool:
        def speak() -> None:
            channel.get_transport().sock.sendall(b"garbage, not SSH" * 1000)
            cast("FastTransport", host._line.transport).watch(0.2)  # it is no whole packet

        return once_asked(channel, speak)

    with served(key, babble) as host:
        assert "the connection was lost while a command ran" in told(host)
