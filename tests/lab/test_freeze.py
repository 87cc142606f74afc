"""Freezing a real file system, and the watchdog that thaws it."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ops import run
from ops.backup.freeze import FreezeFailed, NotThawed, ThawedTooEarly, frozen, sync
from ops.backup.watchdog import thaw_command
from ops.inventory.repository import Repository
from ops.lab.record import Lab
from ops.remote.command import Command, command, script
from ops.remote.connection import connect
from ops.remote.errors import Unreachable
from ops.remote.host import Host, Result
from ops.remote.local import LocalHost
from tests.support.fabric_tree import PROJECT
from tests.support.freezing import gone, is_frozen, let_pass, sleeps, watchdog, writing
from tests.support.sshd import Sshd

pytestmark = pytest.mark.lab

LIMIT = 60
"""Seconds after which a watchdog thaws here, let pass at once where a test is about that."""

SHORT = 4
"""Such a limit that is waited for; a freeze may begin some seconds late on a busy machine."""


@pytest.fixture
def name() -> str:
    """The run that freezes."""
    return f"test-{secrets.token_hex(4)}"


def test_a_frozen_file_system_thaws_and_no_watchdog_stays(mount: Path, name: str) -> None:
    with frozen(LocalHost(), name, [str(mount)]):
        again = LocalHost().run(command("fsfreeze", "-f", str(mount), root=True), check=False)
        assert again.code != 0 and watchdog(name).exists()
    (mount / "written").touch()
    assert not watchdog(name).exists()


def test_the_watchdog_stays_where_one_did_not_thaw(mount: Path, name: str) -> None:
    host = LocalHost()
    with pytest.raises(ThawedTooEarly), frozen(host, name, [str(mount)]):
        host.run(command("fsfreeze", "-u", str(mount), root=True))
        assert host.run(thaw_command(name, [str(mount)]), check=False).code == 9
        assert watchdog(name).exists()
    host.run(script('kill -- "-$(cat "$1")" && rm "$1"', str(watchdog(name)), root=True))


_KILLED = f"""
import sys, time
from ops.backup.freeze import frozen
from ops.remote.local import LocalHost
with frozen(LocalHost(), sys.argv[1], [sys.argv[2]], limit={LIMIT}):
    print("frozen", flush=True)
    time.sleep(60)
"""


def refusal(host: Host, name: str, mounts: Sequence[str]) -> str:
    """Return why the mounts can't be frozen."""
    with pytest.raises(FreezeFailed) as caught, frozen(host, name, mounts):
        pytest.fail("ran")
    return caught.value.message


def thawed(mount: Path) -> bool:
    """Return whether the file system takes writes again, after a minute at most."""
    end = time.monotonic() + 60
    while is_frozen(mount) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_frozen(mount)


def test_a_controller_killed_while_frozen_leaves_a_host_that_thaws_itself(
    mount: Path, name: str
) -> None:
    words = [sys.executable, "-c", _KILLED, name, str(mount)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=PROJECT) as controller:
        assert controller.stdout is not None
        assert controller.stdout.readline() == b"frozen\n"
        controller.kill()
    assert is_frozen(mount) and watchdog(name).exists()
    let_pass(name, LIMIT)
    assert thawed(mount)
    (mount / "written").touch()
    assert gone(watchdog(name))


def test_a_network_cut_while_frozen_fails_and_the_host_thaws_itself(
    mount: Path, tmp_path: Path, name: str
) -> None:
    with Sshd(tmp_path / "sshd") as server:
        server.pin("wiki.cloud.main")
        host = connect(server.endpoint("wiki.cloud.main"))
        with pytest.raises(NotThawed), frozen(host, name, [str(mount)], limit=LIMIT):
            server.stop()
            assert is_frozen(mount)
        host.close()
    let_pass(name, LIMIT)
    assert thawed(mount)
    assert gone(watchdog(name))


def test_a_freeze_that_came_after_the_watchdogs_limit_is_thawed_all_the_same(
    mount: Path, name: str
) -> None:
    with writing(mount) as end:
        with (
            pytest.raises(FreezeFailed, match=f"freezing took more than {SHORT} s"),
            frozen(LocalHost(), name, [str(mount)], limit=SHORT),
        ):
            pytest.fail("ran")
        assert sleeps(name, 0.2)  # its limit is over, and it tries to thaw
        end()
    assert gone(watchdog(name))
    assert not is_frozen(mount)


class Cut(LocalHost):
    """A host whose answer to the first command is lost; `error` is what we see instead."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error: BaseException | None = error

    def run(self, command: Command, **given: Any) -> Result:
        found = super().run(command, **given)
        error, self.error = self.error, None
        if error is not None:
            raise error
        return found


@pytest.mark.parametrize("error", [Unreachable("cut off"), KeyboardInterrupt()])
def test_what_froze_although_nobody_heard_of_it_is_thawed(
    mount: Path, name: str, error: BaseException
) -> None:
    with pytest.raises(type(error)), frozen(Cut(error), name, [str(mount)]):
        pytest.fail("ran")
    assert not is_frozen(mount) and not watchdog(name).exists()


def test_what_could_not_be_thawed_is_told_and_the_watchdog_goes_on(
    mount: Path, name: str, tmp_path: Path
) -> None:
    away = tmp_path.with_name(f"{tmp_path.name}.away")
    try:
        with (
            pytest.raises(NotThawed, match="may still be frozen: fsfreeze: cannot open"),
            frozen(LocalHost(), name, [str(mount)], limit=LIMIT),
        ):
            tmp_path.rename(away)
        let_pass(name, LIMIT)
        assert sleeps(name, 1)  # between its tries
        assert watchdog(name).exists()
    finally:
        away.rename(tmp_path)
    assert gone(watchdog(name)) and not is_frozen(mount)


def test_what_cannot_be_synced_is_not_frozen(tmp_path: Path) -> None:
    with pytest.raises(FreezeFailed, match="No such file"):
        sync(LocalHost(), [str(tmp_path / "nowhere")])


def test_where_the_second_of_three_cannot_be_frozen_none_stays_frozen(
    make_mount: Callable[[str], Path], name: str
) -> None:
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


def test_the_root_file_system_is_never_frozen(name: str) -> None:
    assert "is the root file system" in refusal(LocalHost(), name, ["/"])
