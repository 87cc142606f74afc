"""Several streams at once, over a real sshd: what arrives, and what is left when they break."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.inventory.schema import FileSet
from ops.migrate.engine import bulk, packing, probe, scan, shards, transfer
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.transfer import Errand, Moved, move
from ops.pages.render import SUITE
from tests.migrate.conftest import Pair, mounted
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
    data = _data(pair, **more)
    return move(pair.ends, Errand("wiki", "R1", "pages", data, [SUITE]), meter)


def _data(pair: Pair, **more: object) -> FileSet:
    places = {"source": {"root": str(pair.source)}, "target": {"root": str(pair.target)}}
    return FileSet.model_validate({"kind": "files", **places, **more})


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
    with (pair.source / "a few holes").open("wb") as writing:
        writing.write(os.urandom(4 << 20))
        writing.seek(2 << 20, os.SEEK_CUR)
        writing.write(os.urandom(4 << 20))
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
    assert (pair.target / "a few holes").stat().st_blocks * 512 < 9 << 20
    assert _tree(pair.target) == _tree(pair.source)


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


def test_a_link_in_the_place_of_a_folder_gives_nothing_away(
    pair: Pair, meter: Meter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody lays a link while we read as root, and takes it away before we look again."""
    for folder, content in ((pair.source / "sub", b"own "), (tmp_path / "others", b"alien")):
        folder.mkdir()
        (folder / "big").write_bytes(content * 1_000_000)
    chosen, finish = packing.chosen, bulk.Bulk._finish

    def laying(*of: object) -> packing.Packing:
        (pair.source / "sub").rename(pair.source / "real")
        (pair.source / "sub").symlink_to(tmp_path / "others")
        return chosen(*of)  # type: ignore[arg-type]  # passed on as they came

    def taking(self: bulk.Bulk, sharing: shards.Sharing) -> None:
        (pair.source / "sub").unlink()
        (pair.source / "real").rename(pair.source / "sub")
        finish(self, sharing)

    monkeypatch.setattr(packing, "chosen", laying)
    monkeypatch.setattr(bulk.Bulk, "_finish", taking)
    assert _move(pair, meter).outcome.verdict == "done"
    assert _tree(pair.target) == _tree(pair.source)


@pytest.mark.lab
def test_an_attribute_that_the_target_cant_keep_is_told(pair: Pair, meter: Meter) -> None:
    (pair.source / "noted").write_bytes(b"x")
    os.setxattr(pair.source / "noted", "user.note", b"kept")
    with mounted(pair.target, "ramfs"):
        outcome = _move(pair, meter).outcome
    assert (outcome.verdict, [path for path, _ in outcome.failed]) == ("incomplete", ["noted"])


@pytest.mark.lab
@pytest.mark.parametrize("size", [20_000, 30_000_000])
def test_a_disk_that_gets_full_ends_the_streams(pair: Pair, meter: Meter, size: int) -> None:
    for number in range(60_000_000 // size):
        (pair.source / f"{number}").write_bytes(os.urandom(size))
    with mounted(pair.target, "tmpfs", "size=20m"):
        full = _move(pair, meter).outcome
        assert (full.verdict, full.words) == ("incomplete", "the target's disk is full")
        assert "verify" not in {sample.phase for sample in meter.samples}
        subprocess.run(["mount", "-o", "remount,size=100m", pair.target], check=True)
        assert _move(pair, meter).outcome.verdict == "done"
        assert _tree(pair.target) == _tree(pair.source)


_GRANTED = ((1, 6, -1), (2, 4, 12345), (4, 4, -1), (16, 4, -1), (32, 4, -1))
"""(tag, permissions, id) of owner, one more user, group, mask and others, as acl(5) has them."""


_ACL = "system.posix_acl_access"


def _grant(file: Path) -> None:
    """Make the file and let one more user read it."""
    file.write_bytes(b"x")
    entries = (struct.pack("<HHi", *entry) for entry in _GRANTED)
    os.setxattr(file, _ACL, struct.pack("<I", 2) + b"".join(entries))


def test_after_an_acl_rsync_looks_at_everything(pair: Pair, meter: Meter) -> None:
    _grant(pair.source / "listed")
    assert _move(pair, meter).outcome.verdict == "done"
    assert os.getxattr(pair.target / "listed", _ACL) == os.getxattr(pair.source / "listed", _ACL)


@pytest.mark.lab
def test_what_lies_on_another_file_system_is_not_looked_at(pair: Pair, meter: Meter) -> None:
    (pair.source / "page").write_bytes(b"x")
    (pair.source / "other").mkdir()
    with mounted(pair.source / "other", "tmpfs"):
        _grant(pair.source / "other/listed")
        found = scan.missing(pair.ends, _data(pair))
    assert (found.plain, found.files) == (True, 1)


def test_the_rate_of_the_link_is_probed_before_much_is_sent(
    pair: Pair, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MUCH", 0)
    monkeypatch.setattr(probe, "PATIENCE", 60)
    monkeypatch.setattr(probe, "SLOW", 60)  # all the blocks are sent
    (pair.source / "big").write_bytes(os.urandom(3_000_000))
    moved = _move(pair, meter)
    assert moved.outcome.verdict == "done"
    assert (moved.link_rate or 0) > 50_000
    assert "probe" in [sample.phase for sample in meter.samples]
