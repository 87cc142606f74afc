"""Two manifests compared by path."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import OpsError
from ops.verify import compare, md5list, spread, streams
from ops.verify.differences import Difference, verdict
from ops.verify.scan import Scan
from tests.verify import trees

Scanned = Callable[..., Scan]


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).hexdigest().encode()


def _list(path: Path, files: Mapping[bytes, bytes], *, order: int = 0) -> Path:
    names = sorted(files)
    if order:
        random.Random(order).shuffle(names)
    path.write_bytes(b"".join(md5list.line(_md5(files[n]), b"./" + n) for n in names))
    return path


def _found(left: Path, right: Path) -> list[tuple[str, bytes]]:
    return [(d.kind, d.path) for d in compare.compare(left, right).differences]


def test_each_kind_is_told(tmp_path: Path) -> None:
    left = _list(tmp_path / "l", {b"a": b"1", b"b": b"2", b"c": b"3", b"m": b"9"})
    right = _list(tmp_path / "r", {b"a": b"1", b"b": b"x", b"d": b"4", b"n/m": b"9"})
    found = compare.compare(left, right)
    assert found.files == 1
    assert found.differences == [
        Difference(b"./b", "different", "content"),
        Difference(b"./c", "missing"),
        Difference(b"./d", "extra"),
        Difference(b"./m", "moved", to=b"./n/m"),
    ]
    assert verdict(found) == "different"


def test_equal_lists_are_the_same(tmp_path: Path) -> None:
    left = _list(tmp_path / "l", {b"a\n": b"1", b"b\\": b"2"})
    found = compare.compare(left, left)
    assert (found.files, found.differences, verdict(found)) == (2, [], "same")


def test_empty_files_are_not_moved(tmp_path: Path) -> None:
    left, right = _list(tmp_path / "l", {b"a": b""}), _list(tmp_path / "r", {b"b": b""})
    assert _found(left, right) == [("missing", b"./a"), ("extra", b"./b")]


@given(trees.contents, trees.contents, st.integers(0, 2), st.integers(1, 80))
def test_any_two_lists_are_as_dictionaries_say(
    tmp_path_factory: pytest.TempPathFactory,
    ours: Mapping[bytes, bytes],
    theirs: Mapping[bytes, bytes],
    order: int,
    block: int,
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    theirs = {**theirs, **{name: ours[name] for name in list(ours)[::2]}}
    left, right = _list(folder / "l", ours), _list(folder / "r", theirs, order=order)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(streams, "BLOCK", block)
        patched.setattr(spread, "BUCKET", 10 * block)
        found = compare.compare(left, right)
    gone = {d.path[2:] for d in found.of("missing", "moved")}
    come = {d.path[2:] for d in found.of("extra")} | {d.to[2:] for d in found.of("moved")}
    differ = {d.path[2:] for d in found.of("different")}
    both = ours.keys() & theirs.keys()
    assert gone == ours.keys() - theirs.keys()
    assert come == theirs.keys() - ours.keys()
    assert differ == {name for name in both if ours[name] != theirs[name]}
    assert found.files == len(both) - len(differ)


def test_lists_of_others_are_read(tmp_path: Path) -> None:
    left = _list(tmp_path / "l", {b"a b": b"1", b"c": b"2"})
    right = tmp_path / "r"
    right.write_bytes(b"%b *c\n%b  a b\n" % (_md5(b"2").upper(), _md5(b"1")))
    assert compare.compare(left, right).differences == []


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    left = _list(tmp_path / "l", {b"%03d" % n: b"1" for n in range(100)})
    lines = left.read_bytes().splitlines(keepends=True)
    right = tmp_path / "r"
    right.write_bytes(b"".join([*lines[:41], b"f00  ./041\n", *lines[42:]]))
    with pytest.raises(OpsError, match=f"{right}:42: no line"):
        compare.compare(left, right)
    with pytest.raises(OpsError, match=f"{right}:42: no line"):
        compare.compare(right, right)


def test_a_path_that_stands_twice_with_two_checksums_is_named(tmp_path: Path) -> None:
    left = tmp_path / "l"
    left.write_bytes(md5list.line(_md5(b"1"), b"./a") + md5list.line(_md5(b"2"), b"./a"))
    with pytest.raises(OpsError, match=f"{left}:2: the same path again"):
        compare.compare(left, left)


def test_a_cut_last_line_still_counts_when_it_is_whole(tmp_path: Path) -> None:
    left, right = _list(tmp_path / "l", {b"a": b"1"}), tmp_path / "r"
    right.write_bytes(left.read_bytes()[:-1])
    assert compare.compare(left, right).differences == []


def _two_trees(tmp_path: Path, scanned: Scanned) -> tuple[Path, Path]:
    for name in ("left", "right"):
        trees.plant_all(tmp_path / name)
    return tmp_path / "left", tmp_path / "right"


def _compared(tmp_path: Path, scanned: Scanned) -> dict[bytes, str]:
    for name in ("left", "right"):
        scanned(tmp_path / name)
    found = compare.compare(tmp_path / "left.md5", tmp_path / "right.md5")
    return {d.path: d.kind for d in found.differences if d.kind != "metadata"}


@pytest.mark.parametrize(
    ("act", "path", "kind"),
    [
        (lambda r: (r / "fifo").unlink(), b"./fifo", "missing"),
        (lambda r: (r / "empty folder").rmdir(), b"./empty folder", "missing"),
        (lambda r: (r / "more").mkdir(), b"./more", "extra"),
        (lambda r: (r / "plain").write_bytes(b"Plain"), b"./plain", "different"),
        (lambda r: (r / "empty").write_bytes(b"x"), b"./empty", "different"),
        (lambda r: (r / "plain").rename(r / "plane"), b"./plain", "moved"),
    ],
)
def test_a_change_of_one_entry_is_named_and_nothing_else(
    tmp_path: Path, scanned: Scanned, act: Callable[[Path], object], path: bytes, kind: str
) -> None:
    _, right = _two_trees(tmp_path, scanned)
    act(right)
    assert _compared(tmp_path, scanned) == {path: kind}


def test_another_link_target_is_different_content(tmp_path: Path, scanned: Scanned) -> None:
    _, right = _two_trees(tmp_path, scanned)
    (right / "to nowhere").unlink()
    (right / "to nowhere").symlink_to("elsewhere")
    assert _compared(tmp_path, scanned) == {b"./to nowhere": "different"}


@pytest.mark.parametrize(("ours", "theirs"), [("left", "right"), ("right", "left")])
def test_a_file_that_became_a_link_is_different(
    tmp_path: Path, scanned: Scanned, ours: str, theirs: str
) -> None:
    _two_trees(tmp_path, scanned)
    (tmp_path / theirs / "plain").unlink()
    (tmp_path / theirs / "plain").symlink_to("empty")
    assert _compared(tmp_path, scanned) == {b"./plain": "different"}


def test_metadata_alone_does_not_make_content_different(tmp_path: Path, scanned: Scanned) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    for root in (left, right):
        trees.plant(root, {b"a": b"a", b"b": b"b"})
    (right / "a").chmod(0o600)
    assert _compared(tmp_path, scanned) == {}
    found = compare.compare(tmp_path / "left.md5", tmp_path / "right.md5")
    words = {d.path: d.words for d in found.of("metadata")}
    assert "mode 0644 here, 0600 there" in words[b"./a"]
    assert verdict(found) == "same"


def test_a_file_that_was_not_read_is_not_the_same(tmp_path: Path, scanned: Scanned) -> None:
    trees.plant(tmp_path / "left", {b"a": b"a"})
    scanned(tmp_path / "left")
    listed, described = tmp_path / "left.md5", tmp_path / "left.md5.mtree"
    described.write_bytes(described.read_bytes().split(b" md5=")[0] + b"\n")
    listed.write_bytes(b"")
    found = compare.compare(listed, listed)
    assert (found.files, verdict(found)) == (0, "incomplete")
    assert [(d.kind, d.path) for d in found.differences] == [("unread", b"./a")]
