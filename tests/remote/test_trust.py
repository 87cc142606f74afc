"""Only the pinned host is let in: judged by ours and by `ssh` from the same known_hosts file."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.known_hosts import fingerprint
from ops.remote.command import command
from ops.remote.connection import connect
from ops.remote.endpoint import Endpoint, ssh_options
from ops.remote.errors import HostKeyRefused
from ops.remote.fanout import each
from tests.support.sshd import Sshd, make_key

NAME = "wiki.cloud.main"


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("gate"), address="127.0.0.2") as started:
        yield started


@pytest.fixture(scope="module")
def other_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    public = make_key(tmp_path_factory.mktemp("other") / "key").with_suffix(".pub").read_text()
    return " ".join(public.split()[:2])


def endpoint(server: Sshd, file: Path, text: str, name: str = NAME) -> Endpoint:
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    return replace(server.endpoint(name, pinned=False), known_hosts=file)


def ours(way: Endpoint) -> bool:
    try:
        with connect(way) as host:
            return host.run(command("echo", "in")).out == b"in\n"
    except HostKeyRefused:
        return False


def theirs(way: Endpoint) -> bool:
    line = ["ssh", *ssh_options(way), way.address, "echo in"]
    said = subprocess.run(line, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert said.returncode in (0, 255)
    return said.stdout == b"in\n"


def both(way: Endpoint) -> tuple[bool | None, bool | None]:
    """Return what ours and theirs say, asked at the same time."""
    mine, other = each([ours, theirs], lambda ask: ask(way))
    return mine.value, other.value


@pytest.mark.parametrize(
    ("text", "trusted"),
    [
        ("{name} {key}", True),
        ("\n# comment\ngarbage\n{name} nonsense AAAA\n{name} {key}\n", True),
        ("caf\udce9 \udcff\n{name} {key} \udce9t\udce9\n", True),
        ("{name} {other}\n{name} {key}\n", True),
        ("a,{name},b\t{key}", True),
        ("wiki.* {key}", True),
        ("WIKI.cloud.MAIN {key}", True),
        ("@cert-authority * {other}\n{name} {key}", True),
        ("@revoked * {other}\n{name} {key}", True),
        ("", False),
        ("{name} {other}", False),
        ("wiki.campus.main {key}", False),
        ("127.0.0.1 {key}\n[127.0.0.1]:{port} {key}", False),
        ("# {name} {key}", False),
        ("*,!{name} {key}", False),
        ("@cert-authority {name} {key}", False),
        ("{name} {key}\n@revoked {name} {key}", False),
        ("@revoked * {key}\n{name} {key}", False),
    ],
)
def test_we_let_in_whom_ssh_lets_in(
    server: Sshd, tmp_path: Path, other_key: str, text: str, trusted: bool
) -> None:
    filled = text.format(name=NAME, key=server.host_key, other=other_key, port=server.port)
    way = endpoint(server, tmp_path / "known_hosts", filled)
    assert both(way) == (trusted, trusted)


def test_hashed_names_are_known_to_both(server: Sshd, tmp_path: Path) -> None:
    way = endpoint(server, tmp_path / "known_hosts", f"{NAME} {server.host_key}\n")
    subprocess.run(
        ["ssh-keygen", "-q", "-H", "-f", str(way.known_hosts)], check=True, capture_output=True
    )
    assert NAME not in way.known_hosts.read_text()
    assert both(way) == (True, True)


def test_a_missing_file_lets_in_nobody(server: Sshd, tmp_path: Path) -> None:
    way = replace(server.endpoint(NAME, pinned=False), known_hosts=tmp_path / "none")
    assert both(way) == (False, False)


def test_a_wrong_key_is_told_with_both_fingerprints(
    server: Sshd, tmp_path: Path, other_key: str
) -> None:
    way = endpoint(server, tmp_path / "known_hosts", f"{NAME} {other_key}")
    with pytest.raises(HostKeyRefused, match="wrong host key") as refused:
        connect(way)
    assert refused.value.exit_code == 3
    told = str(refused.value)
    assert fingerprint(server.host_key) in told
    assert fingerprint(other_key) in told
    assert f"{NAME} (" in told


def test_an_unknown_key_is_told_with_the_line_to_pin(server: Sshd, tmp_path: Path) -> None:
    way = endpoint(server, tmp_path / "known_hosts", "")
    with pytest.raises(HostKeyRefused, match="no key is pinned") as refused:
        connect(way)
    assert f"{NAME} {server.host_key}" in refused.value.hint


def test_a_revoked_key_is_told_as_revoked(server: Sshd, tmp_path: Path) -> None:
    key = server.host_key
    way = endpoint(server, tmp_path / "known_hosts", f"{NAME} {key}\n@revoked * {key}")
    with pytest.raises(HostKeyRefused, match="revoked"):
        connect(way)


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_keys_of_every_type_are_asked_for(tmp_path: Path, kind: str) -> None:
    with Sshd(tmp_path / "s", key_type=kind) as server:
        way = endpoint(server, tmp_path / "known_hosts", f"{NAME} {server.host_key}")
        assert both(way) == (True, True)


def test_a_new_address_keeps_the_line(tmp_path: Path, server: Sshd) -> None:
    with Sshd(tmp_path / "s", address="127.0.0.3") as moved:
        for half in ("host", "host.pub"):
            (moved.folder / half).write_bytes((server.folder / half).read_bytes())
        moved.stop()
        moved.port = 0
        assert any(moved._started("/usr/sbin/sshd") for _ in range(5))  # as at first
        way = endpoint(moved, tmp_path / "known_hosts", f"{NAME} {server.host_key}")
        assert ours(way)


@pytest.mark.parametrize(
    "pins", ["right right", "wrong right", "right wrong", "none right", "right none"]
)
def test_both_hops_must_prove_themselves(
    server: Sshd, gate: Sshd, tmp_path: Path, other_key: str, pins: str
) -> None:
    at_gate, at_host = pins.split()
    trusted = pins == "right right"

    def line(name: str, key: str, pinned: str) -> str:
        return {"right": f"{name} {key}\n", "wrong": f"{name} {other_key}\n", "none": ""}[pinned]

    file = tmp_path / "known_hosts"
    text = line("gate.campus.main", gate.host_key, at_gate) + line(NAME, server.host_key, at_host)
    through = endpoint(gate, file, text, "gate.campus.main")
    way = replace(endpoint(server, file, text), gateway=through)
    assert both(way) == (trusted, trusted)
    if not trusted:
        refused = "gate.campus.main" if at_gate != "right" else NAME
        with pytest.raises(HostKeyRefused, match=refused):
            connect(way)


def test_no_session_is_opened_on_a_refused_host(tmp_path: Path) -> None:
    with Sshd(tmp_path / "s") as server:
        assert not ours(endpoint(server, tmp_path / "known_hosts", ""))
        server.stop()
        assert "Accepted" not in server.log
