"""Streams are served to their end; what breaks or changes under them costs time only."""

from __future__ import annotations

import os
import random
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.migrate.engine import bulk, rsync, shards, streams
from ops.migrate.engine.growth import FIRST
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.shards import Shard
from ops.migrate.engine.told import Done
from ops.remote.command import Command
from ops.remote.errors import CommandFailed
from ops.remote.local import LocalHost
from tests.migrate.conftest import TARGET, Pair
from tests.migrate.engine.breaking import (
    at_a_range,
    holding,
    kill,
    kill_lane,
    kill_one,
    kill_server,
    nothing_left,
    only_whole,
    processes,
    sessions,
    stop_ssh,
)
from tests.migrate.engine.test_bulk import _move, meter
from tests.migrate.engine.test_transfer import _move as _move_alone
from tests.migrate.engine.test_transfer import _tree
from tests.support.processes import gone
from tests.support.waiting import wait_for

__all__ = ["meter"]

HERE = LocalHost("here")

LANES = 2 * FIRST


def _queued(inside: Path, count: int) -> Command:
    shards = [(number, Shard(bytearray(b"a\0"), 1, 1), "") for number in range(1, count + 1)]
    (inside / "queue").write_bytes(b"")
    os.mkfifo(inside / "wake")
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


def test_a_lane_that_is_killed_is_begun_anew_with_its_task(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pair.source / "big").write_bytes(os.urandom(60_000_000))
    go_on, killed = holding(pair, monkeypatch), list[str]()
    killer = threading.Thread(target=lambda: killed.append(kill_lane(pair, go_on)))
    killer.start()
    moved = _move(pair, meter)
    killer.join()
    assert [name[:3] for name in killed] == ["at."]
    assert moved.outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)


def test_streams_that_send_nothing_any_more_are_given_up(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pair.source / "big").write_bytes(os.urandom(60_000_000))
    go_on = holding(pair, monkeypatch)
    stopper = threading.Thread(target=at_a_range, args=[pair, lambda: stop_ssh(pair), go_on])
    stopper.start()
    with monkeypatch.context() as patched:  # the second run has its time
        patched.setattr(bulk, "STALLED", 2)
        moved = _move(pair, meter)
    stopper.join()
    assert moved.outcome.words == "nothing has been sent for 2 s"
    assert _move(pair, meter).outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)


def test_an_rsync_to_which_nothing_comes_any_more_is_ended(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own limit does not: it counts what rsync says, which sshd takes for long."""
    (pair.source / "big").write_bytes(os.urandom(30_000_000))
    ended: list[bool] = []
    watcher = threading.Thread(target=lambda: ended.append(_receiver_ends_by_itself(pair)))
    watcher.start()
    with monkeypatch.context() as patched, suppress(OpsError):  # the second run has its time
        patched.setattr(rsync, "SILENCE", 4)
        _move_alone(pair, meter, limit_mbit=16)
    watcher.join()
    assert ended == [True]
    assert _move(pair, meter).outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)
    nothing_left(pair)


def _receiver_ends_by_itself(pair: Pair) -> bool:
    """Hold what sends until nothing receives any more, a minute at most; return whether it did."""
    wait_for(lambda: any(pair.target.glob(".ops-temp/big.*")))
    named = {}
    for pid in processes(pair, b"--server"):
        with suppress(OSError):
            named[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    receivers = [pid for pid, words in named.items() if words[:2] == [b"rsync", b"--server"]]
    senders = [pid for pid, words in named.items() if words[0] in (b"ssh", b"rsync")]
    senders = [pid for pid in senders if pid not in receivers]
    _signalled(senders, signal.SIGSTOP)
    try:
        return bool(receivers) and all(gone(pid, 60) for pid in receivers)
    finally:
        _signalled(senders, signal.SIGCONT)


def _signalled(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _fill(pair: Pair, size: int) -> None:
    for number in range(200):
        (pair.source / f"small {number}").write_bytes(os.urandom(20_000))
    (pair.source / "big").write_bytes(os.urandom(size))


def test_a_process_that_is_killed_costs_time_only(pair: Pair, meter: Meter, seed: int) -> None:
    """Kill one process of the transfer at a random time; go on; everything is there, once."""
    dice = random.Random(seed)
    _fill(pair, 150_000_000)
    killer = threading.Thread(target=kill_one, args=[pair, dice])
    killer.start()
    with suppress(OpsError):
        _move(pair, meter)
    killer.join()
    only_whole(pair)
    assert _move(pair, meter).outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)
    nothing_left(pair)


def test_a_session_of_sshd_that_is_killed_is_made_again(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(pair, 60_000_000)
    acts = (lambda: kill(sessions(pair)[0])), holding(pair, monkeypatch)
    killer = threading.Thread(target=at_a_range, args=[pair, *acts])
    killer.start()
    moved = _move(pair, meter)
    killer.join()
    assert moved.outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)
    nothing_left(pair)


def test_what_has_arrived_before_a_break_is_not_sent_again(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(pair, 60_000_000)
    acts = (lambda: kill_server(pair)), holding(pair, monkeypatch)
    breaker = threading.Thread(target=at_a_range, args=[pair, *acts])
    breaker.start()
    first = _move(pair, meter).outcome
    breaker.join()
    assert (first.verdict, first.words) == ("incomplete", "the streams on the source have ended")
    only_whole(pair)
    again = _move(pair, meter).outcome
    total = sum(map(len, _tree(pair.source).values()))
    assert again.verdict == "done"
    assert (
        total - LANES * shards.SHARD <= first.totals.sent_bytes + again.totals.sent_bytes <= total
    )
    assert _tree(pair.target) == _tree(pair.source)
    nothing_left(pair)


def test_a_target_that_is_gone_midway_is_told_and_gone_on_from(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(pair, 60_000_000)
    acts = pair.server.stop, holding(pair, monkeypatch)
    stopper = threading.Thread(target=at_a_range, args=[pair, *acts])
    stopper.start()
    outcome = _move(pair, meter).outcome
    stopper.join()
    assert (outcome.verdict, outcome.words[:24]) == ("incomplete", "a stream broke off: ssh:")
    only_whole(pair)
    with pair.server as anew:
        there = anew.endpoint(TARGET)  # at another port, if somebody has taken its own
        ends = replace(pair.ends, target_endpoint=there, target_key=anew.host_key)
        back = pair._replace(ends=ends)
        again = _move(back, meter).outcome
        assert again.verdict == "done"
        total = sum(map(len, _tree(pair.source).values()))
        assert outcome.totals.sent_bytes + again.totals.sent_bytes <= total
        assert _tree(pair.target) == _tree(pair.source)
        nothing_left(back)


def test_files_that_change_or_vanish_while_they_are_sent(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(pair, 20_000_000)
    for name in ("rewritten", "grown", "gone"):
        (pair.source / f"big {name}").write_bytes(os.urandom(20_000_000))
    take, after = bulk.Bulk._take, [_meddle]

    def meddling(self: bulk.Bulk, done: Done) -> None:
        if after:
            after.pop()(pair)
        take(self, done)

    monkeypatch.setattr(bulk.Bulk, "_take", meddling)
    assert _move(pair, meter).outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)
    nothing_left(pair)


def _meddle(pair: Pair) -> None:
    """Change files whose transfer has begun; of one the times tell nothing."""
    big = pair.source / "big rewritten"
    times = big.stat().st_atime_ns, big.stat().st_mtime_ns
    with big.open("r+b") as file:
        file.write(b"new" * 1000)
    os.utime(big, ns=times)
    with (pair.source / "big grown").open("ab") as file:
        file.write(b"more")
    (pair.source / "small 7").write_bytes(b"less")
    (pair.source / "big gone").unlink()
