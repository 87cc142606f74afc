"""What a scan remembers, takes up again, and does not trust."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.errors import OpsError, Refused
from ops.remote.local import LocalHost
from ops.verify import seen
from ops.verify.scan import Keeping, Load, Scan, scan
from ops.verify.scanner import Scanner
from ops.verify.tree import Tree
from tests.support.processes import gone
from tests.verify import trees

NOTES = (b"1 2 3 0.0000000000 1699999000.5000000000", b"0" * 32, b"1700000000")


@pytest.fixture
def again(tmp_path: Path) -> Callable[..., Scan]:
    """Return a function that scans tmp_path/tree, remembering in tmp_path/look."""

    def work(how: seen.How = "quick", place: str = "here", **more: Any) -> Scan:
        return scan(
            LocalHost(),
            Tree(str(tmp_path / "tree"), as_root=False),
            load=Load(workers=2),
            keeping=Keeping(tmp_path / "look", place, how, **more),
        )

    return work


def _settle() -> None:
    """Let the clock go on, so that what was made lies still."""
    time.sleep(0.05)


def test_nothing_that_lay_still_is_read_again(tmp_path: Path, again: Callable[..., Scan]) -> None:
    trees.plant_all(tmp_path / "tree")
    _settle()
    first, second = again(), again()
    assert (first.share, second.share, second.read_files) == (1.0, 0.0, 0)
    assert second.digests == first.digests
    assert second.files == first.files == len(trees.walk(tmp_path / "tree"))


@pytest.mark.parametrize(
    "act",
    [
        lambda root: (root / "plain").write_bytes(b"PLAIN"),
        lambda root: (root / "plain").chmod(0o600),
        lambda root: os.utime(root / "plain", ns=(1, 1)),
        lambda root: (root / "empty").rename(root / "plain"),
    ],
)
def test_only_what_changed_is_read_again(
    tmp_path: Path, again: Callable[..., Scan], act: Callable[[Path], object]
) -> None:
    trees.plant_all(tmp_path / "tree")
    _settle()
    again()
    act(tmp_path / "tree")
    found = again()
    assert found.read_files == 1
    known = dict(zip(found.look.paths, found.digests, strict=True))
    assert {path: digest for path, digest in known.items() if digest} == trees.walk(
        tmp_path / "tree"
    )


def test_what_changed_just_before_a_scan_is_read_again(
    tmp_path: Path, again: Callable[..., Scan]
) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a"})
    look = again().look
    memory = seen.recall(tmp_path / "look", "here")
    ctime = float(look.among({b"./a"})[b"./a"].split(b" ")[4])
    late = ctime >= look.started - 0.02
    assert (b"./a" not in memory.records) == late


def test_a_file_beside_one_that_changed_under_way_is_not_read_again(
    tmp_path: Path, again: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a", b"b": b"b", b"c": b"c"})
    stand_in = tmp_path / "bin/md5sum"
    stand_in.parent.mkdir()
    stand_in.write_text('case "$*" in *./a*) echo more >>./a;; esac; exec /usr/bin/md5sum "$@"')
    stand_in.write_text(f"#!/bin/sh\n{stand_in.read_text()}\n")
    stand_in.chmod(0o755)
    _settle()
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
        assert [fault.path for fault in again().faults] == [b"./a"]
    assert again().read_files == 1


def test_another_place_is_no_memory(tmp_path: Path, again: Callable[..., Scan]) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a"})
    _settle()
    again()
    assert again(place="there").read_files == 1


def test_a_full_scan_reads_all_and_finds_silent_corruption(
    tmp_path: Path, again: Callable[..., Scan]
) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a", b"b": b"b"})
    _settle()
    assert again("full").corrupted == []
    look = tmp_path / "look"
    (a,) = (digest for path, digest in trees.walk(tmp_path / "tree").items() if path == b"./a")
    look.write_bytes(look.read_bytes().replace(a, b"f" * 32))
    assert again().corrupted == []
    look.write_bytes(look.read_bytes().replace(a, b"f" * 32))
    found = again("full")
    assert [(fault.path, fault.kind) for fault in found.corrupted] == [(b"./a", "corrupted")]
    assert found.read_files == 2


def test_what_is_due_is_read_though_it_lay_still(
    tmp_path: Path, again: Callable[..., Scan]
) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a", b"b": b"b"})
    _settle()
    again()

    def due(memory: seen.Memory) -> set[bytes]:
        return {b"./b"} & memory.records.keys()

    assert again(due=due).read_files == 1


@pytest.fixture
def cut_off(again: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that scans as `again` does, but breaks off after some files."""
    take = Scanner._take

    def cut(scanner: Scanner, answer: Any) -> None:
        take(scanner, answer)
        raise OpsError("cut off")

    def work(how: seen.How, **more: object) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("ops.verify.batches.LEAST", 9 * 8192)
            patched.setattr(Scanner, "_take", cut)
            with pytest.raises(OpsError, match="cut off"):
                again(how, **more)

    return work


@pytest.mark.parametrize("how", ["quick", "full"])
def test_a_scan_that_was_cut_off_goes_on_where_it_was(
    tmp_path: Path, again: Callable[..., Scan], cut_off: Callable[..., None], how: seen.How
) -> None:
    trees.plant(tmp_path / "tree", {b"f%d" % i: b"%d" % i for i in range(30)})
    _settle()
    cut_off(how)
    assert not (tmp_path / "look").exists()
    with (tmp_path / "look.part").open("ab") as torn:
        torn.write(b"./f7\x001 2")
    found = again(how)
    assert 0 < found.read_files < 30
    assert found.files == 30
    assert not (tmp_path / "look.part").exists()
    assert again().read_files == 0


def _all(memory: seen.Memory) -> set[bytes]:
    return set(memory.records)


@pytest.mark.parametrize(("how", "scrub"), [("full", {}), ("quick", {"due": _all})])
def test_silent_corruption_outlives_a_scan_that_was_cut_off(
    tmp_path: Path,
    again: Callable[..., Scan],
    cut_off: Callable[..., None],
    how: seen.How,
    scrub: dict[str, object],
) -> None:
    _corrupt(tmp_path, again)
    cut_off(how, **scrub)
    found = again(how, **scrub)
    assert found.read_files < 30
    assert len(found.corrupted) == 30


def test_silent_corruption_outlives_a_scrub_that_goes_on_as_a_quick_scan(
    tmp_path: Path, again: Callable[..., Scan], cut_off: Callable[..., None]
) -> None:
    _corrupt(tmp_path, again)
    cut_off("quick", due=_all)
    assert 0 < len(again().corrupted) < 30


def _corrupt(folder: Path, again: Callable[..., Scan]) -> None:
    """Make the memory say that each of 30 files had another content before."""
    trees.plant(folder / "tree", {b"f%d" % i: b"%d" % i for i in range(30)})
    _settle()
    again()
    look = folder / "look"
    for _, digest, _ in seen.recall(look, "here").records.values():
        look.write_bytes(look.read_bytes().replace(digest, digest[::-1]))


def test_a_memory_of_garbage_is_no_memory(tmp_path: Path) -> None:
    head, entry = b"#\x001.5\0here\0full\0", b"./a\0" + NOTES[0] + b"\0%b\x001700000000\0"
    damaged = [head.replace(b"1.5", b"x"), *(head + entry % d for d in (b"0", b"g" * 32))]
    for content in (b"", b"x", b"#\0", b"\0" * 100, head.replace(b"here", b"other"), *damaged):
        (tmp_path / "look").write_bytes(content)
        assert seen.recall(tmp_path / "look", "here").records == {}
    assert seen.recall(tmp_path / "none", "here").records == {}


def _become_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "act",
    [
        lambda look: look.chmod(0o660),
        lambda look: os.chown(look, 12345, 0),
        lambda look: look.rename(look.with_name("x")) and look.symlink_to("x"),
        _become_fifo,
    ],
)
def test_a_memory_that_others_may_have_written_is_no_memory(
    tmp_path: Path, again: Callable[..., Scan], act: Callable[[Path], object]
) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a"})
    _settle()
    again()
    assert again().read_files == 0
    try:
        act(tmp_path / "look")
    except PermissionError:
        pytest.skip("only root can give files away")
    (tmp_path / "x").touch()
    assert again().read_files == 1


def test_two_scans_keep_no_notes_in_one_place(tmp_path: Path, again: Callable[..., Scan]) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a"})
    notes = seen.Notes(tmp_path / "look", "here", "quick")
    notes.begin(1.5, resumed=False)
    with pytest.raises(Refused, match="another scan keeps its notes there"):
        again()
    assert (tmp_path / "look.part").read_bytes().startswith(b"#\x001.5")
    notes.close()
    assert again().files == 1


def test_notes_are_written_through_no_link(tmp_path: Path, again: Callable[..., Scan]) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a"})
    (tmp_path / "look.part").symlink_to("precious")
    (tmp_path / "precious").write_bytes(b"precious")
    with pytest.raises(OSError, match="Too many levels"):
        again()
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_the_last_record_of_a_path_counts(tmp_path: Path) -> None:
    notes = seen.Notes(tmp_path / "look", "here", "quick")
    notes.begin(1700000000.0, resumed=False)
    notes.add([b"./a"], [NOTES[0]], [NOTES[1]], [NOTES[2]])
    notes.add([b"./a"], [NOTES[0]], [b"1" * 32], [NOTES[2]])
    notes.keep()
    records = seen.recall(tmp_path / "look", "here").records
    assert {path: record[1] for path, record in records.items()} == {b"./a": b"1" * 32}


@pytest.fixture
def find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that puts a find in front which does as told, FIND being the real one."""

    def put(text: str) -> None:
        program = tmp_path / "bin/find"
        program.parent.mkdir()
        again = 'case "$*" in *maxdepth*) exec FIND "$@";; esac'
        program.write_text(f"#!/bin/sh\n{again}\n{text}\n".replace("FIND", "/usr/bin/find"))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return put


@pytest.mark.parametrize("delay", [0, 1])
def test_notes_that_cannot_be_kept_end_the_scan(
    tmp_path: Path, again: Callable[..., Scan], find: Callable[[str], None], delay: int
) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a"})
    (tmp_path / "look.part").mkdir()
    find(f'sleep {delay}; exec FIND "$@"')
    with pytest.raises(IsADirectoryError):
        again()


def test_a_scan_that_breaks_off_waits_for_no_look_and_leaves_none(
    tmp_path: Path,
    again: Callable[..., Scan],
    find: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trees.plant(tmp_path / "tree", {b"big": b""})
    os.truncate(tmp_path / "tree/big", 20 * 1024 * 1024)
    find(f'echo $$ >{tmp_path / "told"}; FIND "$@"; exec sleep 300')
    monkeypatch.setattr(Scanner, "_take", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        again()
    assert gone(int((tmp_path / "told").read_text()))
    assert not [thread for thread in threading.enumerate() if "_look" in thread.name]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
