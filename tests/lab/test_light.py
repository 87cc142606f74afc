"""Light hosts: an sshd each on a loopback address, as the same user."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ops.inventory.repository import Repository
from ops.lab import lab, light
from ops.lab.light import Identity, identity
from ops.lab.record import Lab
from ops.lab.traces import found
from tests.lab.conftest import SMALL
from tests.support import labs
from tests.support.fabric_tree import FAB, PROJECT

USER_DATA = b"""#cloud-config
hostname: wiki-main
users: [{name: me, ssh_authorized_keys: [ssh-ed25519 BBBB]}]
ssh_keys: {ed25519_private: secret}
"""


def test_user_data_gives_name_host_key_and_log_ins() -> None:
    wanted = ("wiki-main", Identity("secret", ("ssh-ed25519 AAAA", "ssh-ed25519 BBBB")))
    assert identity(USER_DATA, ["ssh-ed25519 AAAA"]) == wanted
    assert identity(gzip.compress(USER_DATA), ["ssh-ed25519 AAAA"]) == wanted


def test_user_data_that_is_a_script_is_not_run() -> None:
    assert identity(b"#!/bin/sh\nexit 1\n", []) == ("", Identity("", ()))


def test_two_labs_have_different_addresses() -> None:
    assert light.address("aaaaaa", 10) != light.address("bbbbbb", 10)
    assert light.address("aaaaaa", 10).startswith("127.")


@pytest.fixture(scope="module")
def instance(light_lab: Lab) -> Iterator[str]:
    """Start an instance that takes the lab's own key, and return its address."""
    key = light_lab.login.with_suffix(".pub").read_text().strip()
    text = f"#cloud-config\nhostname: one-main\nssh_authorized_keys: ['{key}']\n"
    name, address = labs.launch(light_lab, text)
    yield address
    labs.ec2(light_lab).terminate_instances(InstanceIds=[name])


def said(made: Lab, address: str, line: str) -> str:
    """Return what a command says on a light host."""
    done = labs.ssh(made, address, line)
    return done.stdout + done.stderr


def test_a_session_is_at_home_in_the_hosts_folder(light_lab: Lab, instance: str) -> None:
    home = said(light_lab, instance, 'cd; pwd; echo "$HOME"').split()
    assert home[0] == home[1] and home[0].startswith(f"{light_lab.path}/hosts/i-")


def test_what_a_host_keeps_for_itself_is_in_its_folder(light_lab: Lab, instance: str) -> None:
    words = said(light_lab, instance, "echo '/etc/ssh/x' /run/ops /srv/etc/ssh/x 'a/run/ops'")
    own = str(Path(said(light_lab, instance, "pwd").strip()))
    assert words.split() == [f"{own}/etc/ssh/x", f"{own}/run/ops", "/srv/etc/ssh/x", "a/run/ops"]


def test_a_command_comes_through_byte_for_byte(light_lab: Lab, instance: str) -> None:
    assert said(light_lab, instance, "printf %s 'a\nb\\ \"c\"  d\n\n'") == 'a\nb\\ "c"  d\n\n'


def test_services_of_the_machine_are_out_of_reach(light_lab: Lab, instance: str) -> None:
    assert said(light_lab, instance, "systemctl reload ssh || echo refused") == "refused\n"


def test_nothing_but_processes_is_outside_the_folder(light_lab: Lab, instance: str) -> None:
    assert {line.split()[0] for line in found(light_lab)} == {"process"}


def test_only_the_lab_listens_and_on_loopback_only(light_lab: Lab) -> None:
    hosts = labs.reached(light_lab).hosts.values()
    assert all(host.address.startswith("127.") for host in hosts)


def test_its_content_is_readable_and_its_own(light_lab: Lab) -> None:
    data = light_lab.path / "hosts" / "documents" / "data"
    files = [path for path in data.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) >= 300
    assert {path.stat().st_uid for path in files} == {os.getuid()}
    assert all(path.stat().st_mode & 0o400 for path in files)


# Not /run/ops: other tests provision this machine beside this one, as hosts of their own.
WATCHED = ("/etc", "/usr/local", "/opt", "/srv", "/var/spool/cron", "/var/lib/cloud")
PRIVATE = (".ssh", ".aws", ".config", ".gitconfig", ".profile", ".bashrc")


def machine() -> dict[str, tuple[int, int]]:
    """Return size and time of all files where a lab of the other kind changes something."""
    places = [Path(place) for place in WATCHED] + [Path.home() / name for name in PRIVATE]
    files = (one for place in places for one in (place, *place.rglob("*")))
    seen: dict[str, tuple[int, int]] = {}
    for one in files:
        with suppress(FileNotFoundError):
            told = one.lstat()
            seen[str(one)] = (told.st_size, told.st_mtime_ns)
    return seen


def test_provisioning_in_it_changes_nothing_outside_its_folder(tmp_path: Path) -> None:
    before = machine()
    made = lab.up(tmp_path / "lab", "light", SMALL)
    try:
        for words in (["provision", "app=all"], ["provision.drift"]):
            done = subprocess.run(
                [FAB, *words],
                cwd=PROJECT,
                env={**os.environ, "OPS_INVENTORY": str(made.inventory)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        # root's host has a /run to itself, and its commands are told another name than /run/ops
        [address] = [
            one.private_address
            for one in Repository(made.inventory, PROJECT).state("wiki").instances.values()
        ]
        assert os.geteuid() or said(made, address, "ls -d /run/op? 2>/dev/null; true") == ""
    finally:
        lab.down(made.path)
    assert machine() == before
