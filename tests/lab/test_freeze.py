"""Freezing a real file system, and the watchdog that thaws it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.backup.freeze import ThawedTooEarly, frozen, thaw_command
from ops.remote.command import command
from ops.remote.local import LocalHost

pytestmark = pytest.mark.lab


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Path]:
    disk, folder = tmp_path / "disk", tmp_path / "mount"
    folder.mkdir()
    with disk.open("wb") as file:
        file.truncate(16_000_000)
    subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
    subprocess.run(["mount", "-o", "loop", str(disk), str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["fsfreeze", "-u", str(folder)], check=False, capture_output=True)
        subprocess.run(["umount", str(folder)], check=True)


def watchdog(run: str) -> Path:
    return Path(f"/run/ops-freeze.{run}")


def test_a_frozen_file_system_thaws_and_no_watchdog_stays(mount: Path) -> None:
    run = f"test-{os.getpid()}"
    with frozen(LocalHost(), run, [str(mount)]):
        again = LocalHost().run(command("fsfreeze", "-f", str(mount), root=True), check=False)
        assert again.code != 0 and watchdog(run).exists()
    (mount / "written").touch()
    assert not watchdog(run).exists()


def test_the_watchdog_stays_where_one_did_not_thaw(mount: Path) -> None:
    run, host = f"test-{os.getpid()}", LocalHost()
    with pytest.raises(ThawedTooEarly), frozen(host, run, [str(mount)], limit=3):
        host.run(command("fsfreeze", "-u", str(mount), root=True))
        assert host.run(thaw_command(run, [str(mount)]), check=False).code == 9
        assert watchdog(run).exists()
