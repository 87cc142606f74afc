"""A lab's own record."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import OpsError, Refused
from ops.lab import record
from ops.lab.record import CampusHost, Lab, Ready


def lab(folder: Path) -> Lab:
    return Lab("abc123", "light", str(folder), "me", 1, 2, 3, 4.0, 35.0, 500.0, 0.0)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    record.write(lab(tmp_path / "new"))
    assert record.read(tmp_path / "new") == lab(tmp_path / "new")
    assert (tmp_path / "new" / "keys").stat().st_mode & 0o777 == 0o700


def test_it_is_announced_when_all_is_up(tmp_path: Path) -> None:
    ready = Ready("http://127.0.0.1:1", 22, {"wiki": CampusHost("127.1.2.3", "k")}, 1, 2)
    assert record.announced(lab(tmp_path)) is None
    record.announce(lab(tmp_path), ready)
    assert record.announced(lab(tmp_path)) == ready


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    record.write(lab(tmp_path))
    with pytest.raises(Refused):
        record.write(lab(tmp_path))


def test_a_broken_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text('{"id": 1}')
    with pytest.raises(OpsError, match="no lab's record"):
        record.read(tmp_path)
