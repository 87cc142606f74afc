"""What counts as read, and what stays on a host whose controller went away: nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.remote.connection import connect
from ops.verify.reading import Answer, Batch, answer, look_digest
from ops.verify.scan import scan
from ops.verify.tree import Tree
from tests.support.processes import gone
from tests.support.sshd import Sshd

A, B = b"0" * 32, b"1" * 32
LOOK = look_digest([b"1 2 3"])
BATCH = Batch([7, 9], [b"./a", b"./b\n"], LOOK)


def _answer(sums: bytes, code: int = 0, look: bytes = LOOK, errors: bytes = b"") -> Answer:
    return answer(BATCH, sums + b"\0%d\0" % code + look + b"  -\n" + errors, escaped=False)


def test_a_whole_answer_counts() -> None:
    got = _answer(A + b"  ./a\0" + B + b"  ./b\n\0")
    assert got.digests == [A, B]
    assert got.calm


def test_a_file_that_md5sum_skipped_was_not_read() -> None:
    assert _answer(B + b"  ./b\n\0", code=123).digests == [None, B]


def test_a_record_cut_short_does_not_count() -> None:
    assert _answer(A + b"  ./a\0" + B[:20], code=125).digests == [A, None]


def test_a_failure_that_names_nothing_makes_all_doubtful() -> None:
    assert _answer(A + b"  ./a\0" + B + b"  ./b\n\0", code=123).digests == [None, None]


def test_a_missing_record_without_a_failure_makes_all_doubtful() -> None:
    assert _answer(A + b"  ./a\0").digests == [None, None]


def test_other_names_than_asked_for_count_for_nothing() -> None:
    assert _answer(A + b"  ./x\0" + B + b"  ./b\n\0").digests == [None, None]


def test_an_answer_cut_short_counts_for_nothing() -> None:
    got = answer(BATCH, A + b"  ./a\0", escaped=False)
    assert got.digests == [None, None]
    assert not got.calm


def test_another_second_look_is_told() -> None:
    assert not _answer(A + b"  ./a\0" + B + b"  ./b\n\0", look=look_digest([b"1 2 4"])).calm


def test_an_md5sum_without_zero_is_read_too() -> None:
    sums = A + b"  ./a\n\\" + B + b"  ./b\\n\n\0" + b"0\0" + LOOK
    assert answer(BATCH, sums, escaped=True).digests == [A, B]


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
    until = time.monotonic() + 30
    while not told.exists() and time.monotonic() < until:
        time.sleep(0.02)
    number, room = told.read_text().split()
    return int(number), Path(room)


def _is_over(reader: int, room: Path) -> bool:
    until = time.monotonic() + 15
    while room.exists() and time.monotonic() < until:
        time.sleep(0.02)
    return gone(reader) and not room.exists()


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
        assert controller.wait(30) != 0
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
        thread.join(30)
        assert not thread.is_alive()
        assert errors
        assert _is_over(reader, room)
