"""Several streams at once, over a real sshd: what arrives, and what is left when they break."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.inventory.schema import FileSet
from ops.migrate.engine import bulk, packing, probe, shards, transfer
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.transfer import Errand, Moved, move
from ops.pages.render import SUITE
from tests.migrate.conftest import Pair
from tests.migrate.engine.test_transfer import HOSTILE, _tree


@pytest.fixture
def meter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meter]:
    monkeypatch.setattr(bulk, "WORTH", 0)
    monkeypatch.setattr(shards, "RANGE", 1 << 20)
    monkeypatch.setattr(shards, "BIG", 2 << 20)
    monkeypatch.setattr(shards, "SHARD", 1 << 20)
    with Meter(tmp_path / "meter.jsonl.gz") as running:
        yield running


def _move(pair: Pair, meter: Meter, **more: object) -> Moved:
    places = {"source": {"root": str(pair.source)}, "target": {"root": str(pair.target)}}
    data = FileSet.model_validate({"kind": "files", **places, **more})
    return move(pair.ends, Errand("wiki", "R1", "pages", data, [SUITE]), meter)


def test_hostile_names_small_and_big_arrive_by_streams(pair: Pair, meter: Meter) -> None:
    for number, name in enumerate(HOSTILE):
        folder = pair.source / os.fsdecode(b"in " + name)
        folder.mkdir()
        (folder / os.fsdecode(name)).write_bytes(b"%d" % number)
        (folder / os.fsdecode(b"big " + name)).write_bytes(os.urandom(3_000_000 + number))
    moved = _move(pair, meter)
    assert moved.outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)
    assert moved.outcome.totals.sent_files == 2 * len(HOSTILE)
    assert max(len(sample.streams or ()) for sample in meter.samples) > 1
    by_lane = [sum((sample.stream_files or {}).values()) for sample in meter.samples]
    assert max(by_lane) == len(HOSTILE)


def test_what_streams_bring_is_as_rsync_brings_it(pair: Pair, meter: Meter) -> None:
    big, small = pair.source / "sub/big", pair.source / "sub/small"
    big.parent.mkdir(mode=0o750)
    for file in (big, small):
        file.write_bytes(b"x" * (5_000_000 if file is big else 5))
        os.utime(file, ns=(1, 1_000_000_123_456_789))
        file.chmod(0o4751)
    os.link(small, pair.source / "other name")
    (pair.source / "holes").touch()
    os.truncate(pair.source / "holes", 50_000_000)
    (pair.source / "link").symlink_to("sub/big")
    os.utime(big.parent, (1, 1_000_000))
    os.setxattr(small, "user.note", b"kept")
    os.setxattr(big, "user.note", b"kept")
    assert _move(pair, meter).outcome.verdict == "done"
    for file in (big, small, big.parent):
        there = pair.target / file.relative_to(pair.source)
        assert there.stat().st_mode == file.stat().st_mode
        assert there.stat().st_mtime_ns == file.stat().st_mtime_ns
        assert os.listxattr(there) == os.listxattr(file)
    assert (pair.target / "link").readlink() == Path("sub/big")
    assert (pair.target / "other name").samefile(pair.target / "sub/small")
    assert (pair.target / "holes").stat().st_blocks < 100


@pytest.mark.parametrize("program", ["zstd", "gzip"])
def test_what_can_be_compressed_arrives_as_it_was(
    pair: Pair, meter: Meter, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")
    monkeypatch.setattr(packing, "_PACKER", f"echo {program}")
    (pair.source / "big").write_bytes(b"all the same " * 500_000)
    (pair.source / "noise").write_bytes(os.urandom(5_000_000))
    for number in range(100):
        (pair.source / f"{number}").write_bytes(b"%d " % number * 1000)
    moved = _move(pair, meter)
    assert moved.outcome.verdict == "done"
    assert moved.outcome.totals.sent_files == 102
    assert _tree(pair.target) == _tree(pair.source)


def test_nothing_is_written_over_or_outside(pair: Pair, meter: Meter, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (pair.source / "sub").mkdir()
    for name in ("sub/new", "sub/big", "there"):
        (pair.source / name).write_bytes(b"n" * (3_000_000 if name == "sub/big" else 10))
    (pair.target / "sub").symlink_to(outside)
    (pair.target / "there").write_bytes(b"old")
    assert _move(pair, meter).outcome.verdict == "done"
    assert list(outside.iterdir()) == []
    assert _tree(pair.target) == _tree(pair.source)


def test_a_second_run_finds_nothing_to_send(pair: Pair, meter: Meter) -> None:
    (pair.source / "big").write_bytes(os.urandom(3_000_000))
    (pair.source / "small").write_bytes(b"x")
    _move(pair, meter)
    assert _move(pair, meter).outcome.totals.sent_bytes == 0
    assert sorted(path.name for path in pair.target.iterdir()) == ["big", "small"]


def test_a_file_that_cant_be_read_is_named_and_the_rest_arrives(pair: Pair, meter: Meter) -> None:
    for name in ("a", "b"):
        (pair.source / name).write_bytes(b"x" * 3_000_000)
    (pair.target / "a").mkdir()
    (pair.target / "a/in the way").write_bytes(b"")
    outcome = _move(pair, meter).outcome
    assert (outcome.verdict, [path for path, _ in outcome.failed]) == ("incomplete", ["a"])
    assert (pair.target / "b").read_bytes() == b"x" * 3_000_000


def test_a_process_that_is_killed_costs_time_only(pair: Pair, meter: Meter, seed: int) -> None:
    """Kill one process of the transfer at a random time; go on; everything is there, once."""
    dice = random.Random(seed)
    for number in range(200):
        (pair.source / f"small {number}").write_bytes(os.urandom(20_000))
    (pair.source / "big").write_bytes(os.urandom(150_000_000))
    killer = threading.Thread(target=_kill_one, args=[pair, dice])
    killer.start()
    with suppress(OpsError):
        _move(pair, meter)
    killer.join()
    _only_whole(pair)
    assert _move(pair, meter).outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)
    _nothing_left(pair)


def _nothing_left(pair: Pair) -> None:
    """Check that no part, key, folder or process is left, the last within their own 30 s."""
    assert not list(pair.target.rglob(".ops-*"))
    assert pair.keys == b"ssh-ed25519 AAAA somebody@example.org\n"
    digest = sha256(pair.ends.target_key.encode()).hexdigest()[:8]
    assert not list(Path("/dev/shm").glob(f"ops-migrate.wiki.{digest}.*"))
    until = time.monotonic() + 40
    while _processes(pair) and time.monotonic() < until:
        time.sleep(0.2)
    assert _processes(pair) == []


def _only_whole(pair: Pair) -> None:
    seen = _tree(pair.target)
    there = {name: seen[name] for name in seen if b".ops-" not in name}
    sent = _tree(pair.source)
    assert all(sent[name] == content for name, content in there.items())


def _kill_one(pair: Pair, dice: random.Random) -> None:
    time.sleep(0.5 + 2 * dice.random())
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = _processes(pair)
        if found:
            try:
                os.kill(dice.choice(found), signal.SIGKILL)
            except ProcessLookupError:
                continue
            return
        time.sleep(0.05)


_CARRIERS = (b"ssh", b"tar", b"dd", b"rsync", b"sh")


def _processes(pair: Pair) -> list[int]:
    """Return processes that carry the data: they name the folders, the key or the port."""
    marks = [os.fsencode(f"Port={pair.server.port}"), os.fsencode(pair.source), b".ops-temp/"]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            ours = os.fsencode(pair.server.folder.parent) in (process / "environ").read_bytes()
        except OSError:
            continue
        named = any(mark in words for mark in marks)
        if words.split(b"\0")[0] in _CARRIERS and named and (ours or marks[0] in words):
            found.append(int(process.name))
    return found


def test_after_an_acl_rsync_looks_at_everything(pair: Pair, meter: Meter) -> None:
    (pair.source / "listed").write_bytes(b"x")
    granted = ["setfacl", "-m", "u:12345:r", str(pair.source / "listed")]
    if shutil.which("setfacl") is None or subprocess.run(granted, check=False).returncode:
        pytest.skip("no ACLs here")
    assert _move(pair, meter).outcome.verdict == "done"
    name = "system.posix_acl_access"
    there, here = pair.target / "listed", pair.source / "listed"
    assert os.getxattr(there, name) == os.getxattr(here, name)


def test_the_rate_of_the_link_is_probed_before_much_is_sent(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MUCH", 0)
    monkeypatch.setattr(probe, "PATIENCE", 30)
    (pair.source / "big").write_bytes(os.urandom(3_000_000))
    moved = _move(pair, meter)
    assert moved.outcome.verdict == "done"
    assert (moved.link_rate or 0) > 1_000_000
    assert "probe" in [sample.phase for sample in meter.samples]
