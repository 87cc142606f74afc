"""rsync after the streams: it waits for the names of the rest, and never takes some for all."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ops.inventory.schema import FileSet
from ops.migrate.engine import landing, rest, scan, streams
from ops.migrate.engine.door import made
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.rest import Rest
from ops.migrate.engine.shards import Shard
from ops.pages.render import SUITE
from ops.remote.command import Command
from ops.remote.local import LocalHost
from ops.remote.program import Program
from tests.migrate.conftest import Cut, Pair
from tests.support.processes import gone
from tests.support.waiting import wait_for

LONG_AGO = 1_000_000_000
NAMES = b"folder\0"


class Counting(LocalHost):
    """A host that counts what is started on it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.started: list[Program] = []

    def start(self, command: Command, *, feed: Iterable[bytes] | None = None) -> Program:
        """Start the command and keep it."""
        running = super().start(command, feed=feed)
        self.started.append(running)
        return running


def _data(pair: Pair) -> FileSet:
    places = {"source": {"root": str(pair.source)}, "target": {"root": str(pair.target)}}
    return FileSet.model_validate({"kind": "files", **places})


@contextmanager
def _rest(pair: Pair, tmp_path: Path, source: LocalHost | None = None) -> Iterator[Rest]:
    """Yield what looks at the rest, for a run that may write; a folder is there to be found."""
    (pair.source / "folder").mkdir()
    os.utime(pair.source / "folder", (LONG_AGO, LONG_AGO))
    data = _data(pair)

    def leave() -> None:
        landing.end(pair.ends, str(pair.target), "R1", complete=True)

    with (
        Meter(tmp_path / "meter.jsonl.gz") as meter,
        made(pair.ends, "wiki", "R1", str(pair.target), [SUITE], leave=leave) as door,
    ):
        door.hang()
        way = door.knock()
        landing.begin(pair.ends, str(pair.target), "R1")
        ends = replace(pair.ends, source=source) if source else pair.ends
        with closing(Rest(ends, way, data, meter)) as found:
            yield found


def _arrived(pair: Pair) -> bool:
    folder = pair.target / "folder"
    return folder.is_dir() and folder.stat().st_mtime == LONG_AGO


def test_an_rsync_that_waits_is_the_one_that_is_told(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "PATIENT", 60)
    source = Counting("wiki.campus.main")
    with _rest(pair, tmp_path, source) as found:
        # Beside it in the run's folder lie the names of all that the streams send.
        shards = [(1, Shard(bytearray(NAMES), 1, 1), "")]
        queue = streams.queue(found.way.inside, str(pair.source), shards, [], as_root=False)
        source.run(queue)
        found.wait(NAMES)
        found.wait(NAMES)
        _rsync(pair)
        time.sleep(0.5)
        assert not _arrived(pair)
        assert found.only(NAMES).verdict == "done"
    assert _arrived(pair)
    assert len(source.started) == 1


@pytest.mark.parametrize("waited", [True, False])
def test_one_that_is_too_old_or_dead_is_replaced(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, waited: bool
) -> None:
    source = Counting("wiki.campus.main")
    with _rest(pair, tmp_path, source) as found:
        found.wait(NAMES)
        if waited:
            monkeypatch.setattr(rest, "PATIENT", 0)
        else:
            os.kill(_rsync(pair), signal.SIGKILL)
            assert source.started[0].wait(60) != 0
        assert found.only(NAMES).verdict == "done"
    assert _arrived(pair)
    assert len(source.started) == 2


def test_names_that_did_not_all_come_end_in_nothing_done(pair: Pair, tmp_path: Path) -> None:
    with _rest(pair, tmp_path, Cut("wiki.campus.main")) as found:
        found.wait(NAMES)
        outcome = found.only(NAMES)
    assert outcome.verdict == "incomplete"
    assert "standard input" in outcome.words
    assert not _arrived(pair)


def test_a_reader_of_the_names_that_was_killed_is_an_error(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = rest._LISTED.replace('cat "$names"', "sh -c 'kill -9 $$'")
    monkeypatch.setattr(rest, "_LISTED", killed)
    with _rest(pair, tmp_path) as found:
        assert found.only(NAMES).verdict == "incomplete"


def test_one_that_outlived_its_guard_is_not_told_and_ends_with_the_run(
    pair: Pair, tmp_path: Path
) -> None:
    source = Counting("wiki.campus.main")
    with _rest(pair, tmp_path, source) as found:
        found.wait(NAMES)
        waiting = _rsync(pair)
        os.kill(_above(_above(waiting)), signal.SIGKILL)
        assert source.started[0].wait(60) != 0
        assert found.only(NAMES).verdict == "done"
        assert Path(f"/proc/{waiting}").exists()
    assert gone(waiting, 60)
    assert _arrived(pair)


def test_one_that_nobody_told_is_ended(pair: Pair, tmp_path: Path) -> None:
    with _rest(pair, tmp_path) as found:
        found.wait(NAMES)
        waiting = _rsync(pair)
    assert gone(waiting, 60)


def _above(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")")[1].split()[1])


def _rsync(pair: Pair) -> int:
    """Return the rsync on the source, once it is there."""
    asked = ["pgrep", "-f", f"^rsync .*{pair.source}/ target:./$"]
    found = wait_for(lambda: subprocess.run(asked, capture_output=True, check=False).stdout)
    return int(found.split()[0])


def test_acls_are_not_there_only_if_all_was_looked_at(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pair.source / "page").write_bytes(b"x")
    (pair.source / "drwxr-xr-x+ 1 0 0 a\n-rw-r--r--+ 1 b").mkdir()
    data = _data(pair)
    assert _without(pair, data)
    killing = scan._ACLS.replace("-exec ls", "-exec sh -c 'kill -9 $PPID' ls")
    monkeypatch.setattr(scan, "_ACLS", killing)
    assert not _without(pair, data)


def _without(pair: Pair, data: FileSet) -> bool:
    with closing(scan.Acls(pair.ends, data)) as acls:
        acls.look()
        return acls.none()
