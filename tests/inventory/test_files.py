"""Whole files: old or new, never half."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ops.inventory import files


def test_a_file_is_written_with_its_folders_and_mode(tmp_path: Path) -> None:
    files.write(tmp_path / "a" / "b", b"content", 0o600)
    assert (tmp_path / "a" / "b").read_bytes() == b"content"
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_what_a_crash_left_beside_is_written_over(tmp_path: Path) -> None:
    files.leftover(tmp_path / "a").write_bytes(b"half of something long")
    files.write(tmp_path / "a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    files.leftover(tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        files.write(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_nothing_is_written_through_a_link_that_lies_beside(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    files.leftover(tmp_path / "a").symlink_to("precious")
    with pytest.raises(OSError, match="Too many levels"):
        files.write(tmp_path / "a", b"new")
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_moving_and_removing_twice_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    files.move(tmp_path / "a", tmp_path / "done" / "a")
    files.move(tmp_path / "a", tmp_path / "done" / "a")
    files.remove(tmp_path / "done" / "a")
    files.remove(tmp_path / "done" / "a")
    assert list((tmp_path / "done").iterdir()) == []


def test_a_full_disk_names_the_file() -> None:
    with pytest.raises(OSError, match="No space left") as caught, files.named(Path("/a")):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == "/a"
