"""Data sets are moved by a real rsync over a real sshd."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from ops.errors import Incomplete
from ops.inventory.schema import FileSet
from ops.migrate.engine import bulk, landing, rooms
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.outcome import GO_ON
from ops.migrate.engine.transfer import Errand, Moved, move
from ops.pages.render import SUITE
from tests.migrate.conftest import Lost, Pair
from tests.migrate.holding import found_first, held_rsync
from tests.support.processes import command_lines, signal_ssh
from tests.support.waiting import wait_for

HOSTILE = [
    b"plain",
    b"with blank",
    b"-rf",
    b"quote'\"",
    b"new\nline",
    b"back\\slash",
    b"\\#012",
    b"caf\xe9",
    b"tab\t*?[a]",
    b"$(id);`id`",
]


@pytest.fixture
def meter(tmp_path: Path) -> Iterator[Meter]:
    with Meter(tmp_path / "meter.jsonl.gz") as running:
        yield running


def _move_with(pair: Pair, meter: Meter, streams: int) -> Moved:
    places = {"source": {"root": str(pair.source)}, "target": {"root": str(pair.target)}}
    data = FileSet.model_validate({"kind": "files", **places})
    errand = Errand("wiki", "R1", "pages", data, [SUITE], streams=streams)
    return move(pair.ends, errand, meter)


def _move(pair: Pair, meter: Meter, *, limit_mbit: int = 0, **more: object) -> Moved:
    places = {"source": {"root": str(pair.source)}, "target": {"root": str(pair.target)}}
    data = FileSet.model_validate({"kind": "files", **places, **more})
    return move(pair.ends, Errand("wiki", "R1", "pages", data, [SUITE], limit_mbit), meter)


def _tree(root: Path) -> dict[bytes, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {os.fsencode(path.relative_to(root)): path.read_bytes() for path in files}


def test_hostile_names_arrive_with_their_content(pair: Pair, meter: Meter) -> None:
    for number, name in enumerate(HOSTILE):
        folder = pair.source / os.fsdecode(b"in " + name)
        folder.mkdir()
        (folder / os.fsdecode(name)).write_bytes(b"%d" % number)
    moved = _move(pair, meter)
    assert moved.outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)
    assert moved.outcome.totals.sent_files == len(HOSTILE)


def test_links_holes_times_and_empty_folders_are_kept(pair: Pair, meter: Meter) -> None:
    (pair.source / "empty").mkdir()
    (pair.source / "a").write_bytes(b"a")
    (pair.source / "b").hardlink_to(pair.source / "a")
    (pair.source / "c").symlink_to("a")
    with (pair.source / "holes").open("wb") as file:
        file.truncate(10_000_000)
    os.utime(pair.source / "a", ns=(1, 1_000_000_007))
    assert _move(pair, meter).outcome.verdict == "done"
    assert (pair.target / "empty").is_dir()
    assert (pair.target / "a").samefile(pair.target / "b")
    assert (pair.target / "c").readlink() == Path("a")
    assert (pair.target / "holes").stat().st_blocks < 100
    assert (pair.target / "a").stat().st_mtime_ns == 1_000_000_007


def test_a_second_run_sends_only_what_changed(pair: Pair, meter: Meter) -> None:
    for number in range(20):
        (pair.source / str(number)).write_bytes(b"x" * 1000)
    _move(pair, meter)
    (pair.source / "7").write_bytes(b"y" * 1001)
    totals = _move(pair, meter).outcome.totals
    assert (totals.files, totals.sent_files, totals.sent_bytes) == (20, 1, 1001)


def test_nothing_is_deleted_and_nothing_of_ours_stays(pair: Pair, meter: Meter) -> None:
    (pair.source / "new").write_bytes(b"new")
    (pair.target / "old").write_bytes(b"old")
    (pair.target / "sub/.ops-partial").mkdir(parents=True)
    (pair.target / "sub/.ops-partial/half").write_bytes(b"ha")
    (pair.target / ".ops-temp").mkdir()
    (pair.target / ".ops-temp/.new.abcdef").write_bytes(b"n")
    for folder in (pair.source, pair.target / "sub"):
        os.utime(folder, ns=(1, 1_000_000_007))
    _move(pair, meter)
    assert _tree(pair.target) == {b"new": b"new", b"old": b"old"}
    assert sorted(path.name for path in pair.target.iterdir()) == ["new", "old", "sub"]
    for folder in (pair.target, pair.target / "sub"):
        assert folder.stat().st_mtime_ns == 1_000_000_007


def test_excluded_files_stay_at_home(pair: Pair, meter: Meter) -> None:
    for name in ("page.txt", "page.tmp", "keep me"):
        (pair.source / name).write_bytes(b"")
    _move(pair, meter, exclude=["*.tmp", "/keep me"])
    assert list(_tree(pair.target)) == [b"page.txt"]


def test_what_a_broken_run_into_the_source_has_left_is_not_sent(pair: Pair, meter: Meter) -> None:
    (pair.source / ".ops-temp").mkdir()
    (pair.source / ".ops-temp/run").write_bytes(b"an older one")
    (pair.source / "page").write_bytes(b"x")
    moved = _move(pair, meter, limit_mbit=100)
    assert (moved.outcome.verdict, moved.outcome.totals.files) == ("done", 1)
    assert [path.name for path in pair.target.iterdir()] == ["page"]


def test_a_file_that_cant_be_written_is_named(pair: Pair, meter: Meter) -> None:
    (pair.source / "fine").write_bytes(b"fine")
    (pair.source / "caf\udce9\n").write_bytes(b"x")
    (pair.target / "caf\udce9\n").mkdir()
    (pair.target / "caf\udce9\n/in the way").write_bytes(b"")
    outcome = _move(pair, meter).outcome
    assert outcome.verdict == "incomplete"
    assert [path for path, _ in outcome.failed] == ["caf\\351\\012"]
    assert (pair.target / "fine").read_bytes() == b"fine"


def test_a_cut_connection_is_incomplete_and_the_next_run_goes_on(pair: Pair, meter: Meter) -> None:
    (pair.source / "big").write_bytes(os.urandom(1000) * 100_000)
    cutter = threading.Thread(target=_cut_midway, args=[pair])
    cutter.start()
    outcome = _move(pair, meter, limit_mbit=40).outcome
    cutter.join()
    assert outcome.verdict == "incomplete"
    assert "broke off" in outcome.words
    assert not (pair.target / "big").exists()
    again = _move(pair, meter).outcome
    assert again.verdict == "done"
    assert again.totals.literal < 90_000_000
    assert _tree(pair.target) == _tree(pair.source)


@pytest.mark.parametrize("word", ["%T@", "ls -lnUdq", "target knock"])
def test_a_source_that_is_lost_is_incomplete_and_the_next_run_goes_on(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setattr(bulk, "WORTH", 0)
    (pair.source / "page").write_bytes(b"x")
    with Lost("wiki.campus.main", word) as source:
        lost = pair._replace(ends=replace(pair.ends, source=source))
        outcome = _move(lost, meter).outcome
    assert source.gone
    assert outcome.verdict == "incomplete"
    assert outcome.hint.startswith(GO_ON)
    assert "wiki.campus.main: no answer" in outcome.words
    assert b"ops-migrate" not in pair.keys
    assert _move(pair, meter).outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)


def test_a_target_that_is_lost_is_incomplete_and_its_key_removed_by_the_next_run(
    pair: Pair, meter: Meter
) -> None:
    (pair.source / "page").write_bytes(b"x")
    with Lost("wiki.cloud.main", "-printf") as target:
        outcome = _move(pair._replace(ends=replace(pair.ends, target=target)), meter).outcome
    assert outcome.verdict == "incomplete"
    assert outcome.hint.startswith(GO_ON)
    assert b"ops-migrate" in pair.keys
    assert _move(pair, meter).outcome.verdict == "done"
    assert b"ops-migrate" not in pair.keys


def _cut_midway(pair: Pair) -> None:
    """End the source's ssh when some of the file has arrived."""
    wait_for(lambda: _arrived(pair.target) >= 15_000_000)
    signal_ssh(pair.server.port, signal.SIGTERM)


def _arrived(root: Path) -> int:
    with suppress(FileNotFoundError):  # it has its name now
        return sum(path.stat().st_size for path in root.glob(".ops-temp/*big*"))
    return 0


def test_a_writer_that_does_not_end_is_waited_for_and_then_told(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "LOCK_TIME", 1)
    with subprocess.Popen(["flock", "--no-fork", str(pair.target), "sleep", "60"]) as other:
        try:
            while (
                subprocess.run(["flock", "-n", str(pair.target), "true"], check=False).returncode
                == 0
            ):
                pass
            outcome = _move(pair, meter).outcome
        finally:
            other.terminate()
    assert outcome.words == "another transfer still writes into the target"


def test_that_something_stays_does_not_hide_how_it_went(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "_END", "exit 1")
    (pair.source / "page").write_bytes(b"x")
    assert _move(pair, meter).outcome.verdict == "done"
    assert (pair.target / "page").read_bytes() == b"x"


def test_a_target_that_is_mounted_read_only_is_incomplete_and_told(
    pair: Pair, meter: Meter
) -> None:
    (pair.source / "page").write_bytes(b"x")
    made = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(pair.target)]
    if subprocess.run(made, check=False, capture_output=True).returncode:
        pytest.skip("mounts need root")
    try:
        with pytest.raises(Incomplete, match=r"nothing can be written into .*Read-only") as caught:
            _move(pair, meter)
    finally:
        subprocess.run(["umount", str(pair.target)], check=True)
    assert caught.value.exit_code == 4
    assert b"ops-migrate" not in pair.keys


def test_a_limited_transfer_keeps_to_its_rate_and_its_key_to_itself(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pair.source / "big").write_bytes(os.urandom(1000) * 30_000)
    let_go = held_rsync(found_first(pair.home / "bin", monkeypatch))
    seen: list[bytes] = []
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=[pair, seen, over, let_go])
    watcher.start()
    moved = _move(pair, meter, limit_mbit=80)
    over.set()
    watcher.join()
    key, *words = seen
    assert any(_is_limited(pair, line) for line in words)
    body = key.splitlines()[1:-1]
    assert body
    assert not any(part in line for part in body for line in words)
    assert not any(part.decode() in repr(meter.samples) for part in body)
    seconds = (pair.target / "big").stat().st_ctime - let_go.stat().st_mtime
    assert moved.outcome.totals.sent_bytes * 8 / seconds < 100e6


def _is_limited(pair: Pair, line: bytes) -> bool:
    return b"--bwlimit=10000KB" in line and os.fsencode(pair.source) in line


def _watch(pair: Pair, seen: list[bytes], over: threading.Event, let_go: Path) -> None:
    """Put the run's key, and then each command line on this machine, into `seen`.

    Let rsync go, once, when both it and the key were seen.
    """
    digest = sha256(pair.ends.target_key.encode()).hexdigest()[:8]
    lines = set[bytes]()
    while not over.is_set():
        for file in Path("/dev/shm").glob(f"ops-migrate.wiki.{digest}.*/key"):
            if not seen and file.stat().st_size:
                seen.append(file.read_bytes())
        lines.update(command_lines().values())
        if seen and not let_go.exists() and any(_is_limited(pair, line) for line in lines):
            let_go.touch()
        over.wait(0.1)
    seen += lines


def test_sixteen_streams_come_through_the_usual_limit_of_new_connections(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "FIRST", 16)
    pair.server.stop()
    with replace(pair.server, settings=f"MaxStartups 10:30:100\n{pair.server.settings}") as server:
        ends = replace(
            pair.ends,
            target_endpoint=server.endpoint("wiki.cloud.main"),
            target_key=server.host_key,
        )
        for number in range(400):
            (pair.source / str(number)).write_bytes(os.urandom(100_000))
        moved = _move_with(pair._replace(ends=ends), meter, streams=16)
    assert moved.outcome.verdict == "done"
    assert moved.outcome.totals.sent_files == 400
    assert _tree(pair.target) == _tree(pair.source)
