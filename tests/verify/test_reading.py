"""What stays on a host whose controller went away: nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.remote.connection import connect
from ops.verify.scan import scan
from ops.verify.tree import Tree
from tests.support.processes import gone
from tests.support.sshd import Sshd
from tests.support.waiting import wait_for
from tests.verify.conftest import none_stays

_SCAN = """
import sys
from ops.remote.local import LocalHost
from ops.verify.scan import scan
from ops.verify.tree import Tree
scan(LocalHost(), Tree(sys.argv[1], as_root=False))
"""


def _slow(folder: Path, told: Path) -> None:
    """Put an md5sum there that takes long for ./big, and tells its number and its room."""
    program = folder / "md5sum"
    program.parent.mkdir(exist_ok=True)
    program.write_text(
        '#!/bin/sh\ncase "$*" in *./big*) ;; *) exec /usr/bin/md5sum "$@";; esac\n'
        f'echo $$ "$room" >{told}.new && mv {told}.new {told} && exec sleep 300\n'
    )
    program.chmod(0o755)


def _reading(told: Path) -> tuple[int, Path]:
    """Return the process that reads, and the room of the script, once it reads."""
    wait_for(told.exists)
    number, room = told.read_text().split()
    return int(number), Path(room)


def _is_over(reader: int, room: Path) -> bool:
    return gone(reader) and none_stays([room])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree whose one file is big: the last batch is under way from the beginning."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/big").write_bytes(b"big")
    return tmp_path / "tree"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_last_file_is_not_read_on_without_a_controller(
    tmp_path: Path, root: Path, how: signal.Signals
) -> None:
    _slow(tmp_path / "bin", tmp_path / "told")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    words = [sys.executable, "-c", _SCAN, str(root)]
    with subprocess.Popen(
        words, env={**os.environ, "PATH": path}, stderr=subprocess.DEVNULL
    ) as controller:
        reader, room = _reading(tmp_path / "told")
        controller.send_signal(how)
        assert controller.wait(60) != 0
    assert _is_over(reader, room)


def test_the_last_file_is_not_read_on_when_the_connection_is_lost(
    tmp_path: Path, root: Path
) -> None:
    with Sshd(tmp_path / "host") as server, connect(server.endpoint()) as host:
        _slow(tmp_path / "host/bin", tmp_path / "told")
        errors: list[Exception] = []

        def work() -> None:
            try:
                scan(host, Tree(str(root), as_root=False))
            except OpsError as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        reader, room = _reading(tmp_path / "told")
        host.close()
        thread.join(60)
        assert not thread.is_alive()
        assert errors
        assert _is_over(reader, room)
