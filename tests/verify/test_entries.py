"""Entries of mtree specifications: what differs, and what nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.verify import compare
from ops.verify.differences import verdict
from ops.verify.look import Look
from ops.verify.manifest import Draft, write

_WORDS = b"uid=0 gid=0 mode=0755"


def _manifest(path: Path, files: tuple[bytes, ...], unread: tuple[bytes, ...] = ()) -> Path:
    """Write the manifest of a tree of `files`, of which some folders were not listed."""
    folders = {b"."} | {name.rpartition(b"/")[0] for name in (*files, *(f + b"/" for f in unread))}
    look = Look(complaints=[(name, "Permission denied") for name in unread])
    for name in sorted((*folders, *files)):
        size = 1 if name in files else -1
        kind = b"type=file" if name in files else b"type=dir"
        look.paths.append(name)
        more = b" nlink=1" if name in files else b""
        look.metas.append(kind + b" " + _WORDS + more)
        look.identities.append(b"1 2 1 1.0000000000 1.0000000000")
        look.targets.append(b"")
        look.sizes.append(size)
    write(path, Draft(look), [b"0" * 32 if size >= 0 else None for size in look.sizes])
    return path


def _found(left: Path, right: Path) -> tuple[str, list[tuple[str, bytes]]]:
    found = compare.compare(left, right)
    return verdict(found), [(d.kind, d.path) for d in found.differences]


def test_nobody_knows_what_is_below_a_folder_that_was_not_listed(tmp_path: Path) -> None:
    whole = _manifest(tmp_path / "l", (b"./d/a", b"./d/e/b", b"./dd", b"./x"))
    torn = _manifest(tmp_path / "r", (b"./dd", b"./y"), unread=(b"./d",))
    expected = [("unread", b"./d"), ("moved", b"./x")]
    assert _found(whole, torn) == ("different", expected)
    assert _found(torn, torn) == ("incomplete", [("unread", b"./d")])
    other = _manifest(tmp_path / "o", (b"./d/a", b"./dd", b"./y"))
    assert _found(other, torn) == ("incomplete", [("unread", b"./d")])


def test_a_complaint_about_an_entry_is_one_about_its_folder(tmp_path: Path) -> None:
    torn = _manifest(tmp_path / "r", (b"./d/a",), unread=(b"./d/lost/deeper",))
    text = (tmp_path / "r.mtree").read_bytes()
    assert b"./d/lost" not in text.split(b"tags=unread")[1]
    assert _found(torn, torn)[0] == "incomplete"


@pytest.mark.parametrize("damage", [b"size=x", b"SIZE=1", b"size"])
def test_a_damaged_line_of_an_mtree_is_named_by_its_number(tmp_path: Path, damage: bytes) -> None:
    left = _manifest(tmp_path / "l", (b"./a", b"./b", b"./c"))
    right = _manifest(tmp_path / "r", (b"./a", b"./b", b"./c"))
    mtree = tmp_path / "r.mtree"
    lines = mtree.read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b"size=1", damage)
    mtree.write_bytes(b"\n".join(lines))
    with pytest.raises(OpsError, match=r"r\.mtree:4: "):
        compare.compare(left, right)


@pytest.mark.parametrize("order", [[0, 1, 3, 2, 4], [0, 1, 2, 2, 3, 4]])
def test_an_mtree_out_of_order_or_with_a_line_twice_is_damaged(
    tmp_path: Path, order: list[int]
) -> None:
    left = _manifest(tmp_path / "l", (b"./a", b"./b", b"./c"))
    right = _manifest(tmp_path / "r", (b"./a", b"./b", b"./c"))
    mtree = tmp_path / "r.mtree"
    lines = mtree.read_bytes().splitlines(keepends=True)
    mtree.write_bytes(b"".join(lines[at] for at in order))
    number = 1 + next(at for at in range(1, 5) if order[at] <= order[at - 1])
    with pytest.raises(OpsError, match=rf"r\.mtree:{number}: a path out of order, or twice"):
        compare.compare(left, right)
