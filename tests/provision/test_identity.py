"""The throw-away identity, and the key that a host makes for itself."""

from __future__ import annotations

import gzip
import random
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ops.errors import OpsError
from ops.pages.render import SUITE
from ops.provision.identity import ANOTHER, Throwaway, Tokens, make, new_key, parse_key, witness
from ops.remote.host import Result
from ops.remote.keys import make_keypair
from ops.remote.local import LocalHost
from tests.provision.world import KEY, World

DESIRED = World({"instances": {"main": {"type": "t3.small", "zone": "us-east-1a"}}}).desired

OTHER = f"{KEY[:-4]}AAAA"


def ask(kept: Throwaway, path: Path) -> Result:
    """Run the command that makes the host's own key, on a key file of the test's."""
    with LocalHost() as host:
        return host.run(replace(new_key(DESIRED, kept, str(path)), root=False), check=False)


def test_user_data_brings_the_key_and_the_account() -> None:
    made = make(DESIRED, [SUITE])
    told = yaml.safe_load(made.user_data)
    assert made.user_data.startswith("#cloud-config\n")
    assert told["ssh_keys"]["ed25519_public"] == made.public_key
    assert told["ssh_keys"]["ed25519_private"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert told["ssh_deletekeys"] is True
    assert told["users"][0]["name"] == "ops"
    assert told["users"][0]["ssh_authorized_keys"] == [f"{KEY} papa"]


def test_each_instance_has_a_throwaway_key_of_its_own() -> None:
    assert make(DESIRED, [SUITE]).public_key != make(DESIRED, [SUITE]).public_key


def test_an_inventorys_own_template_counts_and_may_be_too_long(tmp_path: Path) -> None:
    (tmp_path / "provision").mkdir()
    noise = random.Random(1).randbytes(20000).hex()
    (tmp_path / "provision" / "user-data.yaml.j2").write_text(f"# {noise}")
    with pytest.raises(OpsError, match=r"bytes of user data, packed, and EC2 takes 16384"):
        make(DESIRED, [tmp_path, SUITE])


def test_user_data_that_is_too_long_is_packed_and_kept_as_it_was_sent(tmp_path: Path) -> None:
    (tmp_path / "provision").mkdir()
    (tmp_path / "provision" / "user-data.yaml.j2").write_text("#cloud-config\n" + "# x\n" * 9000)
    made = make(DESIRED, [tmp_path, SUITE])
    assert len(made.sent) < 16384 < len(made.user_data)
    assert gzip.decompress(made.sent) == made.user_data.encode()
    tokens = Tokens(tmp_path, "wiki", "main")
    tokens.keep(1, made)
    assert tokens.read(1) == made


@pytest.mark.parametrize(
    ("console", "agrees"),
    [
        ("Linux version 6.1\nlogin: ", None),
        (f"-----BEGIN SSH HOST KEY KEYS-----\n{KEY} root@wiki\n-----END SSH", True),
        (f"-----BEGIN SSH HOST KEY KEYS-----\n{OTHER} root@wiki\n-----END SSH", False),
        (f"-----BEGIN SSH HOST KEY KEYS-----\n{KEY[:50]}", None),  # it is being written
        (f"-----BEGIN SSH HOST KEY KEYS-----\n{KEY[:-1]}", None),
        (f"-----BEGIN SSH HOST KEY KEYS-----\n{KEY[:50]}[  OK  ] Started{KEY[50:]}\n-----E", None),
        ("-----BEGIN SSH HOST KEY KEYS-----\nssh-rsa AAAAB3 root\n-----END SSH", None),
    ],
)
def test_the_console_bears_witness_to_the_host_key(console: str, agrees: bool | None) -> None:
    assert witness(console, [KEY]) is agrees


def test_what_is_kept_comes_back_and_is_forgotten_with_what_was_before(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path, "wiki", "main")
    for generation in (1, 2):
        tokens.keep(generation, Throwaway("data", KEY))
    assert tokens.generations() == {1, 2}
    assert tokens.read(2) == Throwaway("data", KEY)
    assert Tokens(tmp_path, "wiki", "other").generations() == frozenset()
    tokens.forget(2)
    assert list((tmp_path / "tokens").iterdir()) == []


def test_a_host_makes_its_own_key_once(tmp_path: Path) -> None:
    path = tmp_path / "ssh_host_ed25519_key"
    kept = Throwaway("data", str(make_keypair(path)))
    first, again = ask(kept, path), ask(kept, path)
    assert parse_key(first.out) == parse_key(again.out) != kept.public_key


def test_a_key_that_is_in_use_already_is_told_and_nothing_made(tmp_path: Path) -> None:
    path = tmp_path / "ssh_host_ed25519_key"
    public = str(make_keypair(path))
    told = ask(Throwaway("data", KEY, public), path)
    assert parse_key(told.out) == public
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name, f"{path.name}.pub"]


def test_a_host_whose_key_is_elsewhere_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "ssh_host_ed25519_key"
    make_keypair(path)
    assert ask(Throwaway("data", KEY), path).code == ANOTHER
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name, f"{path.name}.pub"]


def test_what_is_no_key_is_not_pinned() -> None:
    with pytest.raises(OpsError, match="no public key"):
        parse_key(b"bash: ssh-keygen: command not found\n")
