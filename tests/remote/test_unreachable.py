"""Each way not to reach a host has words of its own, with what, where and what to do."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.remote.command import command
from ops.remote.connection import connect
from ops.remote.endpoint import Endpoint
from ops.remote.errors import Unreachable
from ops.remote.fanout import each
from tests.support.sshd import Sshd, make_key


def refused(way: Endpoint, words: str) -> Unreachable:
    with pytest.raises(Unreachable, match=words) as error:
        connect(way)
    assert error.value.hint
    assert way.key_name in error.value.message
    return error.value


@pytest.fixture
def silent() -> Iterator[int]:
    """Yield a port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def closed() -> Iterator[int]:
    """Yield a port that nobody listens on, and that nobody else is given meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_closed_port(server: Sshd, closed: int) -> None:
    refused(replace(server.endpoint(), port=closed), "refuses connections")


def test_an_unknown_name(server: Sshd) -> None:
    refused(replace(server.endpoint(), address="nowhere.invalid"), "name nowhere.invalid is unk")


def test_a_silent_port(server: Sshd, silent: int) -> None:
    way = replace(server.endpoint(), port=silent, connect_timeout=0.5)
    refused(way, r"no answer from 127\.0\.0\.1 port \d+ within 0\.5 s")


def test_a_server_that_hangs_up_is_asked_again_and_then_told(
    server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    calls = 0
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            nonlocal calls
            while calls < 5:
                listening.accept()[0].close()
                calls += 1

        thread = threading.Thread(target=hang_up)
        thread.start()
        refused(replace(server.endpoint(), port=listening.getsockname()[1]), "hung up")
        thread.join()
    assert calls == 5


def test_a_server_that_talks_nonsense_is_told_as_such(server: Sshd) -> None:
    """Names of algorithms that are no UTF-8: paramiko's reader passes on its UnicodeDecodeError."""
    names = b"\0\0\0\2\xff\xfe" * 10
    payload = b"\x14" + bytes(16) + names + bytes(5)
    padding = 8 - (5 + len(payload)) % 8 + 8
    packet = bytes([padding]) + payload + bytes(padding)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def talk() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"SSH-2.0-odd\r\n" + len(packet).to_bytes(4, "big") + packet)
                while connection.recv(1000):
                    pass

        talking = threading.Thread(target=talk)
        talking.start()
        endpoint = replace(server.endpoint(), address="127.0.0.1", port=listening.getsockname()[1])
        with pytest.raises(Unreachable, match="no SSH connection: UnicodeDecodeError"):
            connect(endpoint)
        talking.join()


def test_a_wrong_key_names_user_and_key(server: Sshd, tmp_path: Path) -> None:
    stranger = make_key(tmp_path / "stranger")
    error = refused(replace(server.endpoint(), identity=stranger), "log-in refused for user")
    assert server.user in error.message
    assert str(stranger) in error.message


def test_a_key_with_a_passphrase_is_told_as_such(server: Sshd, tmp_path: Path) -> None:
    key = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "hush", "-f", key], check=True)
    refused(replace(server.endpoint(), identity=key), "has a passphrase")


def test_a_key_file_that_is_no_key(server: Sshd, tmp_path: Path) -> None:
    (tmp_path / "junk").write_text("junk")
    refused(replace(server.endpoint(), identity=tmp_path / "junk"), "junk: ")


def test_a_missing_key_file(server: Sshd, tmp_path: Path) -> None:
    with pytest.raises(OpsError, match=r"no key file .*none"):
        connect(replace(server.endpoint(), identity=tmp_path / "none"))


def test_a_gateway_that_cannot_go_on(server: Sshd, closed: int) -> None:
    gate = replace(server.endpoint("gate.campus.main"))
    way = replace(server.endpoint(), port=closed, gateway=gate)
    refused(way, r"through gate\.campus\.main .* cannot connect to 127\.0\.0\.1 port")


def test_a_gateway_that_is_down_is_the_one_that_is_told(server: Sshd, closed: int) -> None:
    gate = replace(server.endpoint("gate.campus.main"), port=closed)
    with pytest.raises(Unreachable, match=r"gate\.campus\.main .* refuses"):
        connect(replace(server.endpoint(), gateway=gate))


def test_many_at_once_get_through_a_server_of_few_log_ins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.remote.dial._ATTEMPTS", 9)  # a log-in may take seconds under load
    with Sshd(tmp_path / "s", settings="MaxStartups 4") as small:
        way = small.endpoint()

        def greet(_: int) -> bytes:
            with connect(way) as host:
                return host.run(command("echo", "in")).out

        assert [one.value for one in each(range(12), greet, limit=12)] == [b"in\n"] * 12


def test_nothing_is_printed_by_the_library() -> None:
    program = (
        "import sys; from pathlib import Path; from ops.remote.endpoint import Endpoint; "
        "from ops.remote.connection import connect; a, p = sys.argv[1:]\n"
        "try: connect(Endpoint('x', a, 'u', Path('/dev/null'), port=int(p)))\n"
        "except Exception as error: print(type(error).__name__)"
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def babble() -> None:
            with listening.accept()[0] as caller:
                caller.send(b"SSH-2.0-x\r\nbroken" * 9)
                caller.recv(9999)

        thread = threading.Thread(target=babble)
        thread.start()
        port = str(listening.getsockname()[1])
        argv = [sys.executable, "-c", program, "127.0.0.1", port]
        said = subprocess.run(argv, capture_output=True, check=True, text=True)
        thread.join()
    assert (said.stdout, said.stderr) == ("Unreachable\n", "")
