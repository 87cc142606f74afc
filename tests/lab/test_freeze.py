"""Freezing a real file system, and the watchdog that thaws it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ops import run
from ops.backup.freeze import FreezeFailed, ThawedTooEarly, frozen, thaw_command
from ops.errors import OpsError
from ops.inventory.repository import Repository
from ops.lab.record import Lab
from ops.remote.command import command, script
from ops.remote.connection import connect
from ops.remote.host import Host
from ops.remote.local import LocalHost
from tests.support.fabric_tree import PROJECT
from tests.support.sshd import Sshd

pytestmark = pytest.mark.lab


@pytest.fixture
def make_mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Make a file system of its own, mounted on a folder; all are thawed and gone afterwards."""
    made: list[Path] = []

    def make(kind: str = "ext4") -> Path:
        folder = tmp_path / f"mount-{len(made)}"
        folder.mkdir()
        if kind == "tmpfs":
            words = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
        else:
            disk = tmp_path / f"disk-{len(made)}"
            with disk.open("wb") as file:
                file.truncate(16_000_000)
            subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
            words = ["mount", "-o", "loop", str(disk), str(folder)]
        subprocess.run(words, check=True)
        made.append(folder)
        return folder

    try:
        yield make
    finally:
        for folder in made:
            subprocess.run(["fsfreeze", "-u", str(folder)], check=False, capture_output=True)
            subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def mount(make_mount: Callable[[str], Path]) -> Path:
    return make_mount("ext4")


def watchdog(run: str) -> Path:
    return Path(f"/run/ops-freeze.{run}")


def test_a_frozen_file_system_thaws_and_no_watchdog_stays(mount: Path) -> None:
    name = f"test-{os.getpid()}"
    with frozen(LocalHost(), name, [str(mount)]):
        again = LocalHost().run(command("fsfreeze", "-f", str(mount), root=True), check=False)
        assert again.code != 0 and watchdog(name).exists()
    (mount / "written").touch()
    assert not watchdog(name).exists()


def test_the_watchdog_stays_where_one_did_not_thaw(mount: Path) -> None:
    name, host = f"test-{os.getpid()}", LocalHost()
    with pytest.raises(ThawedTooEarly), frozen(host, name, [str(mount)], limit=3):
        host.run(command("fsfreeze", "-u", str(mount), root=True))
        assert host.run(thaw_command(name, [str(mount)]), check=False).code == 9
        assert watchdog(name).exists()


_KILLED = """
import sys, time
from ops.backup.freeze import frozen
from ops.remote.local import LocalHost
with frozen(LocalHost(), sys.argv[1], [sys.argv[2]], limit=2):
    print("frozen", flush=True)
    time.sleep(60)
"""


def refusal(host: Host, name: str, mounts: Sequence[str]) -> str:
    """Return why the mounts can't be frozen."""
    with pytest.raises(FreezeFailed) as caught, frozen(host, name, mounts):
        pytest.fail("ran")
    return caught.value.message


def is_frozen(mount: Path) -> bool:
    """Return whether the file system is frozen, by trying to freeze it, which thaws nothing."""
    tried = subprocess.run(["fsfreeze", "-f", str(mount)], check=False, capture_output=True)
    if tried.returncode == 0:
        subprocess.run(["fsfreeze", "-u", str(mount)], check=True)
    return tried.returncode != 0


def thawed(mount: Path, seconds: float) -> bool:
    """Return whether the file system takes writes again within so many seconds."""
    end = time.monotonic() + seconds
    while is_frozen(mount) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_frozen(mount)


def test_a_controller_killed_while_frozen_leaves_a_host_that_thaws_itself(mount: Path) -> None:
    name = f"test-{os.getpid()}"
    words = [sys.executable, "-c", _KILLED, name, str(mount)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=PROJECT) as controller:
        assert controller.stdout is not None
        assert controller.stdout.readline() == b"frozen\n"
        controller.kill()
    assert is_frozen(mount) and watchdog(name).exists()
    assert thawed(mount, seconds=2 + 3)
    (mount / "written").touch()
    assert gone(watchdog(name))


def test_a_network_cut_while_frozen_fails_and_the_host_thaws_itself(
    mount: Path, tmp_path: Path
) -> None:
    name = f"test-{os.getpid()}"
    with Sshd(tmp_path / "sshd") as server:
        server.pin("wiki.cloud.main")
        host = connect(server.endpoint("wiki.cloud.main"))
        with pytest.raises(OpsError), frozen(host, name, [str(mount)], limit=2):
            server.stop()
            assert is_frozen(mount)
        host.close()
    assert thawed(mount, seconds=2 + 3)
    assert gone(watchdog(name))


def test_where_the_second_of_three_cannot_be_frozen_none_stays_frozen(
    make_mount: Callable[[str], Path],
) -> None:
    name = f"test-{os.getpid()}"
    mounts = [make_mount(kind) for kind in ("ext4", "tmpfs", "ext4")]
    names = [str(mount) for mount in mounts]
    assert "could not be frozen; what was frozen is thawed" in refusal(LocalHost(), name, names)
    assert not any(is_frozen(mount) for mount in (mounts[0], mounts[2]))
    assert not watchdog(name).exists()


def test_a_host_without_fsfreeze_fails_the_backup(full_lab: Lab, tmp_path: Path) -> None:
    move = "mv /usr/sbin/$1 /usr/sbin/$2"
    with run.host(Repository(full_lab.inventory, PROJECT), "documents", "campus") as host:
        host.run(script(move, "fsfreeze", "fsfreeze.away", root=True))
        try:
            assert "fsfreeze is not installed" in refusal(host, "test", ["/srv"])
        finally:
            host.run(script(move, "fsfreeze.away", "fsfreeze", root=True))


def test_the_root_file_system_is_never_frozen() -> None:
    assert "is the root file system" in refusal(LocalHost(), f"test-{os.getpid()}", ["/"])


def gone(path: Path, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return not path.exists()
