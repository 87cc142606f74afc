"""Entries written below a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.lab.content import Entry
from ops.lab.planting import plant


def test_given_words_are_the_content(tmp_path: Path) -> None:
    planted = plant(tmp_path, [Entry(b"a", "file", 3, words=b"abc")], owners=False)
    assert (tmp_path / "a").read_bytes() == b"abc"
    assert (planted.files, planted.bytes) == (1, 3)


def test_folders_keep_their_times(tmp_path: Path) -> None:
    plant(
        tmp_path,
        [Entry(b"d", "folder", mode=0o750, mtime=1000), Entry(b"d/f", "file", 5)],
        owners=False,
    )
    assert (tmp_path / "d").stat().st_mtime == 1000
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o750


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(FileExistsError):
        plant(tmp_path, [Entry(b"a", "file", 3)], owners=False)
