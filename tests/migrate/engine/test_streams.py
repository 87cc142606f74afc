"""The queue of the streams: as long as need be, whole or not there, and served to its end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from ops.migrate.engine import bulk, streams
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.shards import Shard
from ops.remote.command import Command
from ops.remote.errors import CommandFailed
from ops.remote.local import LocalHost
from tests.migrate.conftest import Pair
from tests.migrate.engine.test_bulk import _move, meter
from tests.migrate.engine.test_transfer import _tree

__all__ = ["meter"]

HERE = LocalHost("here")


def _queued(inside: Path, count: int) -> Command:
    shards = [(number, Shard(bytearray(b"a\0"), 1, 1), "") for number in range(1, count + 1)]
    HERE.run(streams.prepare(str(inside), 1, as_root=False))
    return streams.queue(str(inside), "/srv", shards, [], as_root=False)


def test_any_number_of_archives_is_queued_at_once(tmp_path: Path) -> None:
    HERE.run(_queued(tmp_path, 20_000))
    lines = (tmp_path / "queue").read_text().splitlines()
    assert len(lines) == 20_000
    assert lines[-1] == "20000 tar 20000;1 39998 2"


def test_of_a_queue_that_comes_cut_short_nothing_is_sent(tmp_path: Path) -> None:
    asked = _queued(tmp_path, 3)
    assert isinstance(asked.stdin, bytes)
    with pytest.raises(CommandFailed, match="bytes only"):
        HERE.run(replace(asked, stdin=asked.stdin[:-5]))
    assert (tmp_path / "queue").read_text() == ""


def test_a_lane_that_is_killed_is_begun_anew_with_its_task(pair: Pair, meter: Meter) -> None:
    (pair.source / "big").write_bytes(os.urandom(100_000_000))
    killed: list[str] = []
    killer = threading.Thread(target=lambda: killed.append(_at_a_task(pair, _kill)))
    killer.start()
    moved = _move(pair, meter)
    killer.join()
    assert killed != [""]
    assert moved.outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)


def test_streams_that_send_nothing_any_more_are_given_up(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "STALLED", 2)
    (pair.source / "big").write_bytes(os.urandom(100_000_000))
    stopper = threading.Thread(target=_stop_ssh, args=[pair])
    stopper.start()
    moved = _move(pair, meter)
    stopper.join()
    assert moved.outcome.words == "nothing has been sent for 2 s"
    assert _move(pair, meter).outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)


def _at_a_task(pair: Pair, act: Callable[[Path], None]) -> str:
    """Act on the first lane that is at a task; return its name, "" when there was none."""
    digest = sha256(pair.ends.target_key.encode()).hexdigest()[:8]
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for at in Path("/dev/shm").glob(f"ops-migrate.wiki.{digest}.*/at.*"):
            if at.read_bytes():
                act(at)
                return at.name
        time.sleep(0.005)
    return ""


def _kill(at: Path) -> None:
    os.kill(int(at.with_name(at.name.replace("at.", "pid.")).read_text()), signal.SIGKILL)


def _stop_ssh(pair: Pair) -> None:
    """Let nothing more through once a range has arrived: stop what serves the connections."""
    until = time.monotonic() + 30
    while not list(pair.target.glob(".ops-temp/big/*/*-*")) and time.monotonic() < until:
        time.sleep(0.005)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:1] == [b"ssh"] and f"Port={pair.server.port}".encode() in words:
            os.kill(int(process.name), signal.SIGSTOP)
