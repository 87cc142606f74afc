"""Scans of real trees, held against md5sum -c, hashlib and an independent walk."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.errors import OpsError
from ops.remote.local import LocalHost
from ops.verify import manifest, md5list, mtree
from ops.verify.answers import Batch
from ops.verify.reading import Reading
from ops.verify.scan import Load, Scan, scan
from ops.verify.tree import Tree
from tests.verify import trees
from tests.verify.conftest import none_stays

Scanned = Callable[..., Scan]


def _check(root: Path, listed: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["md5sum", "--strict", "-c", listed], cwd=root, capture_output=True, check=False
    )


def _digests(path: Path) -> dict[bytes, bytes]:
    return dict(md5list.parse(line) for line in path.read_bytes().split(b"\n")[:-1])


def test_a_tree_of_everything_is_as_md5sum_and_a_walk_say(tmp_path: Path, scanned: Scanned) -> None:
    root = tmp_path / "tree"
    trees.plant_all(root)
    found = scanned(root)
    assert found.faults == []
    assert _digests(tmp_path / "tree.md5") == trees.walk(root)
    assert _check(root, tmp_path / "tree.md5").returncode == 0


@settings(max_examples=15)
@given(trees.contents)
def test_any_tree_is_as_a_walk_says(files: Mapping[bytes, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, listed = Path(folder, "tree"), Path(folder, "list")
        root.mkdir()
        trees.plant(root, files)
        found = scan(LocalHost(), Tree(str(root), as_root=False), load=Load(workers=2))
        manifest.write(listed, found.draft, found.digests)
        assert _digests(listed) == trees.walk(root)


def test_lists_are_sorted_by_raw_bytes(tmp_path: Path, scanned: Scanned) -> None:
    root = tmp_path / "tree"
    trees.plant_all(root)
    scanned(root)
    paths = list(_digests(tmp_path / "tree.md5"))
    assert paths == sorted(paths)
    lines = (tmp_path / "tree.md5.mtree").read_bytes().split(b"\n")[1:-1]
    entries = [mtree.parse(line).path for line in lines]
    assert entries == sorted(entries)


def test_the_mtree_tells_every_entry(tmp_path: Path, scanned: Scanned) -> None:
    root = tmp_path / "tree"
    trees.plant_all(root)
    scanned(root)
    lines = (tmp_path / "tree.md5.mtree").read_bytes().split(b"\n")[1:-1]
    entries = {entry.path: entry for entry in map(mtree.parse, lines)}
    status = (root / "plain").stat()
    plain = entries[b"./plain"]
    assert plain.words["time"] == b"%d.%09d" % divmod(status.st_mtime_ns, 10**9)
    assert plain.words["mode"] == b"0%o" % (status.st_mode & 0o7777)
    assert entries[b"./fifo"].type == "fifo"
    assert entries[b"./socket"].type == "socket"
    assert mtree.decode(entries[b"./to nowhere"].words["link"]) == b"no\nwhere"
    assert entries[b"./zz/first"].words["tags"] == entries[b"./second link"].words["tags"]
    assert len(entries) == 1 + sum(1 for _ in root.rglob("*"))


def test_bytes_below_a_folder_that_proves_nothing_do_not_count(
    tmp_path: Path, scanned: Scanned
) -> None:
    trees.plant(
        tmp_path / "tree", {b"a": b"12", b"d/a": b"123", b"d/e/a": b"1234", b"da": b"12345"}
    )
    found = scanned(tmp_path / "tree")
    assert found.size_without(set()) == 14
    assert found.size_without({b"./d"}) == 7
    assert found.size_without({b"./a", b"./d/e"}) == 8


@settings(max_examples=10)
@given(trees.contents, st.lists(st.tuples(st.sampled_from("dlhp"), trees.names), max_size=6))
def test_the_mtree_of_any_tree_is_as_lstat_says(
    files: Mapping[bytes, bytes], others: list[tuple[str, bytes]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, listed = Path(folder, "tree"), Path(folder, "list")
        trees.plant(root, {b"first": b"first", **files})
        trees.plant_others(root, others)
        found = scan(LocalHost(), Tree(str(root), as_root=False), load=Load(workers=1))
        manifest.write(listed, found.draft, found.digests)
        lines = manifest.beside(listed, ".mtree").read_bytes().split(b"\n")[1:-1]
        told = {entry.path: entry.words for entry in map(mtree.parse, lines)}
        for words in told.values():
            for word in ("md5", "tags"):
                words.pop(word, None)
        assert told == trees.lstats(root)


def test_an_empty_root_gives_an_empty_list(tmp_path: Path, scanned: Scanned) -> None:
    (tmp_path / "tree").mkdir()
    assert scanned(tmp_path / "tree").files == 0
    assert (tmp_path / "tree.md5").read_bytes() == b""


def test_a_root_that_is_a_link_is_followed(tmp_path: Path, scanned: Scanned) -> None:
    trees.plant(tmp_path / "real", {b"a": b"a"})
    (tmp_path / "link").symlink_to("real")
    assert scanned(tmp_path / "link").files == 1


@pytest.mark.parametrize(("make", "words"), [(None, "there is no"), (b"x", "is no folder")])
def test_a_root_that_is_no_folder_is_refused(
    tmp_path: Path, scanned: Scanned, make: bytes | None, words: str
) -> None:
    if make:
        (tmp_path / "tree").write_bytes(make)
    with pytest.raises(OpsError, match=words):
        scanned(tmp_path / "tree")


def test_a_root_that_is_not_on_its_mount_is_refused(tmp_path: Path, scanned: Scanned) -> None:
    with pytest.raises(OpsError, match="does not lie on the mount"):
        scanned(tmp_path, mount=str(tmp_path))


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """Give a tree with another file system at ./disk, and the kernel's own at ./proc."""
    root = tmp_path / "tree"
    trees.plant(root, {b"a": b"a", b"disk/x": b"", b"proc/x": b""})
    disk, proc = ["mount", "-t", "tmpfs", "small"], ["mount", "-t", "proc", "proc"]
    if subprocess.run([*disk, root / "disk"], capture_output=True, check=False).returncode:
        pytest.skip("mounts need root")
    try:
        subprocess.run([*proc, root / "proc"], capture_output=True, check=False)
        trees.plant(root, {b"disk/b": b"b"})
        yield root
    finally:
        subprocess.run(["umount", root / "proc"], capture_output=True, check=False)
        subprocess.run(["umount", root / "disk"], check=True)


def test_other_file_systems_are_told_and_entered_only_where_asked(
    mounted: Path, scanned: Scanned
) -> None:
    alone, crossed = scanned(mounted), scanned(mounted, cross=True)
    assert b"./disk/b" not in alone.look.paths
    assert b"./disk" in alone.look.other_file_systems()
    assert b"./disk/b" in crossed.look.paths
    assert not [path for path in crossed.look.paths if path.startswith(b"./proc/s")]


def test_what_is_excluded_is_left_out(tmp_path: Path, scanned: Scanned) -> None:
    root = tmp_path / "tree"
    trees.plant(root, {b"keep": b"", b"cache/a": b"", b"x.tmp": b"", b"deep/y.tmp": b""})
    found = scanned(root, exclude=("/cache/", "*.tmp"))
    assert sorted(found.look.paths) == [b".", b"./deep", b"./keep"]


def test_big_and_many_files_go_through_several_batches(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    trees.plant(root, {b"f%05d" % i: b"%d" % i for i in range(6000)})
    with (root / "big").open("wb") as file:
        file.truncate(20 * 1024 * 1024)
    seen: list[tuple[int, int]] = []
    found = scan(
        LocalHost(),
        Tree(str(root), as_root=False),
        load=Load(workers=3),
        progress=lambda size, files: seen.append((size, files)),
    )
    assert (found.files, found.size) == seen[-1][::-1]
    assert len(seen) > 2
    digests = dict(zip(found.look.paths, found.digests, strict=True))
    assert {path: digest for path, digest in digests.items() if digest} == trees.walk(root)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is first in PATH."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def _stand_in(programs: Path, text: str, name: str = "md5sum") -> None:
    program = programs / name
    program.write_text(f"#!/bin/sh\n{text.replace('REAL', f'/usr/bin/{name}')}\n")
    program.chmod(0o755)


def test_an_unreadable_file_is_named(tmp_path: Path, scanned: Scanned, programs: Path) -> None:
    root = tmp_path / "tree"
    trees.plant(root, {b"a": b"a", b"b": b"b", b"c": b"c"})
    _stand_in(
        programs,
        'case "$*" in *./b*) echo "md5sum: ./b: Permission denied" >&2;'
        ' REAL -z -- ./a ./c; exit 1;; esac; exec REAL "$@"',
    )
    found = scanned(root)
    assert [(f.path, f.kind, f.reason) for f in found.faults] == [
        (b"./b", "unreadable", "Permission denied")
    ]
    assert found.files == 2
    assert set(_digests(tmp_path / "tree.md5")) == {b"./a", b"./c"}


def test_an_md5sum_that_fails_without_a_word_proves_nothing(
    tmp_path: Path, scanned: Scanned, programs: Path
) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a", b"b": b"b"})
    _stand_in(programs, 'REAL "$@"; case "$*" in *./a*) exit 1;; esac')
    found = scanned(tmp_path / "tree")
    assert found.files == 0
    assert [fault.path for fault in found.faults] == [b"./a", b"./b"]


def test_an_md5sum_that_only_warns_is_believed(
    tmp_path: Path, scanned: Scanned, programs: Path
) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a"})
    _stand_in(programs, 'echo "md5sum: a warning" >&2; exec REAL "$@"')
    found = scanned(tmp_path / "tree")
    assert (found.files, found.faults) == (1, [])


def test_a_killed_worker_leaves_its_files_unverified(
    tmp_path: Path, scanned: Scanned, programs: Path
) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a", b"b": b"b"})
    _stand_in(programs, 'case "$*" in *./a*) kill -KILL $$;; esac; exec REAL "$@"')
    found = scanned(tmp_path / "tree")
    assert found.files == 0
    assert [fault.kind for fault in found.faults] == ["unreadable"] * 2


def test_a_killed_shell_of_a_worker_breaks_the_scan_off(
    tmp_path: Path, scanned: Scanned, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.verify.reading.SLACK", 0.1)
    trees.plant(tmp_path / "tree", {b"a": b"a", b"b": b"b"})
    _stand_in(programs, 'case "$1" in */worker) kill -KILL $$;; esac; exec /bin/sh "$@"', "sh")
    with pytest.raises(OpsError, match="sh: terminated by signal 9"):
        scanned(tmp_path / "tree")


@pytest.mark.parametrize(
    ("act", "kind"),
    [("echo more >>./a", "changed"), ("rm ./a", "vanished"), ("touch -d @1 ./a", "changed")],
)
def test_a_file_that_changes_while_it_is_read_is_named(
    tmp_path: Path, scanned: Scanned, programs: Path, act: str, kind: str
) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a", b"b": b"b"})
    _stand_in(programs, f'REAL "$@"; code=$?; case "$*" in *./a*) {act};; esac; exit $code')
    found = scanned(tmp_path / "tree")
    assert [(fault.path, fault.kind) for fault in found.faults] == [(b"./a", kind)]
    assert set(_digests(tmp_path / "tree.md5")) == {b"./b"}


@pytest.mark.parametrize(
    ("make", "rate"), [("mkfifo", 0), ("ln -s /dev/zero", 0), ("mkfifo", 10_000)]
)
def test_a_file_that_becomes_something_endless_is_named_and_the_others_are_read(
    tmp_path: Path,
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: str,
    rate: int,
) -> None:
    def restart(reading: Reading) -> list[Batch]:
        """Begin anew, from now on with all the time that the others may need."""
        monkeypatch.setattr("ops.verify.reading.SLACK", 60.0)
        return begin_anew(reading)

    begin_anew = Reading.restart
    monkeypatch.setattr(Reading, "restart", restart)
    monkeypatch.setattr("ops.verify.reading.SLACK", 2.0)
    root, (program, word) = tmp_path / "tree", ("xargs", "slowly") if rate else ("md5sum", "./a")
    trees.plant(root, {b"a": b"a" * 12_000, b"b": b"b", b"c": b"c"})
    other = tmp_path / "other"  # put in the place of ./a at once: nobody finds it vanished
    now = f'case "$*" in *{word}*) [ ! -f ./a ] || {{ {make} {other}; mv {other} ./a; }};; esac'
    _stand_in(programs, f'{now}; exec REAL "$@"', program)
    load = Load(workers=1, bytes_per_second=rate)
    found = scan(LocalHost(), Tree(str(root), as_root=False), load=load)
    assert [(fault.path, fault.kind) for fault in found.faults] == [(b"./a", "changed")]
    digests = dict(zip(found.look.paths, found.digests, strict=True))
    assert {path: digest for path, digest in digests.items() if digest} == trees.walk(root)


def test_what_only_takes_long_is_waited_for(
    tmp_path: Path, scanned: Scanned, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.verify.reading.SLACK", 0.1)
    trees.plant(tmp_path / "tree", {b"a": b"a"})
    _stand_in(programs, 'case "$*" in *./a*) sleep 3;; esac; exec REAL "$@"')
    assert scanned(tmp_path / "tree").faults == []


def test_an_md5sum_that_knows_no_zero_will_do(
    tmp_path: Path, scanned: Scanned, programs: Path
) -> None:
    root = tmp_path / "tree"
    trees.plant_all(root)
    _stand_in(programs, 'case "$1" in -z) echo "invalid option" >&2; exit 1;; esac; exec REAL "$@"')
    assert scanned(root).faults == []
    assert _digests(tmp_path / "tree.md5") == trees.walk(root)


def test_nothing_stays_on_the_host(
    tmp_path: Path, scanned: Scanned, rooms: Callable[[], list[Path]]
) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a"})
    scanned(tmp_path / "tree")
    (room,) = rooms()
    assert none_stays([room])


def test_a_nice_scan_is_so_in_all_it_does(tmp_path: Path, programs: Path) -> None:
    trees.plant(tmp_path / "tree", {b"a": b"a"})
    _stand_in(programs, f'nice >>{tmp_path / "md5sum"}; echo more >>./a; REAL "$@"')
    for name in ("find", "stat"):
        _stand_in(programs, f'nice >>{tmp_path / name}; exec REAL "$@"', name)
    before = int(subprocess.check_output(["nice"]))
    scan(LocalHost(), Tree(str(tmp_path / "tree"), as_root=False), load=Load(nice=3))
    told = {name: (tmp_path / name).read_text().split() for name in ("md5sum", "find", "stat")}
    assert {word for words in told.values() for word in words} == {str(before + 3)}


@pytest.mark.parametrize("zero", [True, False])
def test_a_limit_of_bytes_a_second_is_kept_and_reads_the_same(
    tmp_path: Path, programs: Path, zero: bool
) -> None:
    if not zero:
        refused = 'case "$1" in -z) echo "invalid option" >&2; exit 1;; esac'
        _stand_in(programs, f'{refused}; exec REAL "$@"')
    root = tmp_path / "tree"
    trees.plant_all(root)
    trees.plant(root, {b"big\n\\ one": os.urandom(300_000), b"more": os.urandom(50_000)})
    began = time.monotonic()
    found = scan(
        LocalHost(),
        Tree(str(root), as_root=False),
        load=Load(workers=2, nice=5, bytes_per_second=400_000),
    )
    assert time.monotonic() - began > 0.5
    assert found.faults == []
    digests = dict(zip(found.look.paths, found.digests, strict=True))
    assert {path: digest for path, digest in digests.items() if digest} == trees.walk(root)


def test_a_big_file_that_shrinks_under_a_limit_is_named(tmp_path: Path, programs: Path) -> None:
    root = tmp_path / "tree"
    trees.plant(root, {b"big": os.urandom(300_000)})
    _stand_in(programs, 'REAL "$@"; [ "$2" != 100000 ] || truncate -s 1000 ./big', "head")
    found = scan(
        LocalHost(),
        Tree(str(root), as_root=False),
        load=Load(workers=1, bytes_per_second=100_000),
    )
    assert [(fault.path, fault.kind) for fault in found.faults] == [(b"./big", "changed")]
    assert found.files == 0
