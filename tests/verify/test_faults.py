"""What goes wrong on the way: connections, controllers and disks that end too early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.remote.connection import connect
from ops.remote.host import Host
from ops.remote.local import LocalHost
from ops.verify import manifest
from ops.verify.compare import compare
from ops.verify.scan import Keeping, Load, scan
from ops.verify.tree import Tree
from tests.support.sshd import Sshd
from tests.support.waiting import wait_for
from tests.verify import trees
from tests.verify.conftest import none_stays

SLOWLY = Load(workers=2, bytes_per_second=20_000)
"""The first files of the tree take two seconds, all of them twenty."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a tree of twenty files."""
    root = tmp_path / "tree"
    trees.plant(root, {b"f%02d" % number: os.urandom(20_000) for number in range(20)})
    time.sleep(0.05)
    return root


@pytest.fixture
def nothing_left(rooms: Callable[[], list[Path]]) -> Iterator[None]:
    """See to it that no temporary folder of the test's scans stays on this machine."""
    yield
    assert rooms()
    assert none_stays(rooms())


@pytest.mark.parametrize("noted", [False, True])
@pytest.mark.usefixtures("nothing_left")
def test_a_connection_that_ends_breaks_off_and_the_next_scan_goes_on(
    tmp_path: Path, tree: Path, noted: bool
) -> None:
    keeping = Keeping(tmp_path / "look", "here")
    asked = Tree(str(tree), as_root=False)
    with Sshd(tmp_path / "sshd") as server:
        host = connect(server.endpoint("wiki.campus.main"))
        cut = threading.Thread(target=_close, args=(host, tmp_path / "look.part", noted))
        cut.start()
        with pytest.raises(OpsError):
            scan(host, asked, load=SLOWLY, keeping=keeping)
        cut.join()
        assert not (tmp_path / "look").exists()
        with connect(server.endpoint("wiki.campus.main")) as again:
            found = scan(again, asked, keeping=keeping)
    assert found.files == 20
    assert (
        dict(zip(found.look.paths, found.digests, strict=True)).items() >= trees.walk(tree).items()
    )
    assert (found.read_files < 20) is noted


def _close(host: Host, part: Path, noted: bool) -> None:
    """Close the connection at once, or when something was noted."""
    if noted:
        wait_for(lambda: _noted(part))
    host.close()


def _noted(part: Path) -> int:
    return part.read_bytes().count(b"./f") if part.exists() else 0


_CONTROLLER = """
import sys, pathlib
from ops.remote.host import Host
from ops.remote.local import LocalHost
from ops.verify.scan import Keeping, Load, scan
from ops.verify.tree import Tree
scan(LocalHost(), Tree(sys.argv[1], as_root=False),
     load=Load(workers=2, bytes_per_second=20_000),
     keeping=Keeping(pathlib.Path(sys.argv[2]), "here"))
"""


@pytest.mark.usefixtures("nothing_left")
def test_a_controller_that_is_killed_leaves_nothing_running_and_little_to_read_again(
    tmp_path: Path, tree: Path
) -> None:
    words = [sys.executable, "-c", _CONTROLLER, str(tree), str(tmp_path / "look")]
    with subprocess.Popen(words) as controller:
        while controller.poll() is None and not _noted(tmp_path / "look.part"):
            time.sleep(0.02)
        controller.send_signal(signal.SIGKILL)
    noted = _noted(tmp_path / "look.part")
    assert noted > 0
    keeping = Keeping(tmp_path / "look", "here")
    found = scan(LocalHost(), Tree(str(tree), as_root=False), keeping=keeping)
    assert (found.files, found.read_files) == (20, 20 - noted)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("program", ["head", "cat"])
def test_a_full_disk_on_the_host_is_told_as_it_is(tmp_path: Path, tree: Path, program: str) -> None:
    stand_in = tmp_path / "bin" / program
    stand_in.write_text(
        f'#!/bin/sh\n[ $# = 0 ] || [ "$1 $2" = "-c 2" ] || '
        f'{{ echo "{program}: write error: No space left on device" >&2; exit 1; }}\n'
        f'exec /usr/bin/{program} "$@"\n'
    )
    stand_in.chmod(0o755)
    with pytest.raises(OpsError, match="No space left on device"):
        scan(LocalHost(), Tree(str(tree), as_root=False))


def test_every_random_change_is_found_and_named(tmp_path: Path, seed: int) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    rng = trees.Mutations(seed)
    for root in (ours, theirs):
        trees.plant(root, rng.files)
    done = rng.apply(theirs, 340)
    for root in (ours, theirs):
        found = scan(LocalHost(), Tree(str(root), as_root=False))
        manifest.write(tmp_path / f"{root.name}.md5", found.draft, found.digests)
    result = compare(tmp_path / "ours.md5", tmp_path / "theirs.md5")
    named = {each.path[2:]: each.kind for each in result.differences if each.kind != "metadata"}
    assert named == done
    assert result.files == len(rng.files) - len(done)
