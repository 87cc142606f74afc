"""The manifest of one moment of a tree that goes on living."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from ops.backup import moment
from ops.remote.local import LocalHost
from ops.verify import manifest
from ops.verify.compare import compare
from ops.verify.look import Look
from ops.verify.scan import Scan, scan
from ops.verify.tree import Tree


class Life:
    """A tree, what a backup of it holds, and the manifest of the moment of that backup."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.live, self.held = folder, folder / "live", folder / "held"
        (self.live / "a").mkdir(parents=True)
        for name in ("a/still", "a/busy", "gone", "a/old"):
            (self.live / name).write_text(name)
        self.before: Look | None = None
        self.moment = 0.0

    def backup(self) -> None:
        self.before = self.scan(self.live).look
        time.sleep(0.05)
        subprocess.run(["cp", "-a", str(self.live), str(self.held)], check=True)
        self.moment = time.time()
        self._wait_for_stamps()

    def _wait_for_stamps(self) -> None:
        """Wait until what is changed now is stamped as later: the kernel's stamps lag a little."""
        probe = self.folder / "probe"
        probe.touch()
        while probe.stat().st_ctime <= self.moment:
            time.sleep(0.005)
            probe.touch()

    def differences(self) -> list[tuple[bytes, str]]:
        """Return what speaks against the backup, restored."""
        left, right = self.folder / "left.md5", self.folder / "right.md5"
        moment.write(left, self.before, self.scan(self.live), self.moment)
        found = self.scan(self.held)
        manifest.write(right, found.draft, found.digests)
        against = moment.proven(compare(left, right), moment.moving(left))
        return [(one.path, one.kind) for one in against]

    def scan(self, root: Path) -> Scan:
        return scan(LocalHost(), Tree(str(root), as_root=False))


@pytest.fixture
def life(tmp_path: Path) -> Life:
    made = Life(tmp_path)
    made.backup()
    return made


def test_a_tree_that_lay_still_is_proven_to_the_last_file(life: Life) -> None:
    assert life.differences() == []
    assert moment.moving(life.folder / "left.md5") == frozenset()


def test_what_changed_afterwards_speaks_against_nothing(life: Life) -> None:
    (life.live / "a/busy").write_text("changed")
    (life.live / "gone").unlink()
    (life.live / "a/old").rename(life.live / "a/new")
    (life.live / "a/later").write_text("new")
    assert life.differences() == []
    assert b"./a/busy" in moment.moving(life.folder / "left.md5")


def test_a_renamed_folder_speaks_against_nothing(life: Life) -> None:
    (life.live / "a").rename(life.live / "b")
    assert life.differences() == []


@pytest.mark.parametrize("name", ["a/still", "gone"])
def test_one_flipped_bit_in_the_backup_is_named(life: Life, name: str) -> None:
    (life.live / "a/busy").write_text("changed")
    path = life.held / name
    stamps = path.stat()
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    os.utime(path, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert life.differences() == [(b"./" + name.encode(), "different")]


def test_a_file_that_the_backup_lost_is_named_although_its_folder_lives(life: Life) -> None:
    (life.live / "a/later").write_text("new")
    (life.held / "a/still").unlink()
    assert (b"./a/still", "missing") in life.differences()


def test_a_file_that_never_was_is_named(life: Life) -> None:
    (life.held / "a/alien").write_text("who?")
    assert (b"./a/alien", "extra") in life.differences()
