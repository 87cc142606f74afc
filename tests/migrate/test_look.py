"""What is found at both ends, by the real programs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.inventory.schema import FileSet, Place
from ops.migrate.look import at_source, at_target
from ops.migrate.plan import SourceFacts
from ops.remote.local import LocalHost
from tests.migrate.conftest import BASE, only

HERE = LocalHost("wiki.campus.main")


def _set(root: Path, **more: object) -> FileSet:
    places = {"source": {"root": str(root)}, "target": {"root": str(root)}}
    return FileSet.model_validate({"kind": "files", **places, **more})


def test_the_source_is_counted_without_what_is_excluded(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a", "sub/b\nc", "x.tmp"):
        (tmp_path / name).write_bytes(b"x" * 5000)
    found = at_source(HERE, _set(tmp_path, exclude=["*.tmp"]), as_root=False)
    assert (found.mounted, found.found) == (True, True)
    assert (found.files, found.entries, found.bytes) == (2, 4, 10_000)
    assert found.allocated >= 10_000


def test_a_missing_source_is_told(tmp_path: Path) -> None:
    assert at_source(HERE, _set(tmp_path / "none"), as_root=False) == SourceFacts(True, False)


def test_a_folder_on_no_mount_is_told(tmp_path: Path) -> None:
    data = _set(tmp_path, source={"root": str(tmp_path), "mount": str(tmp_path)})
    assert not at_source(HERE, data, as_root=False).mounted


def test_a_real_mount_is_told() -> None:
    assert at_target(HERE, Place(root="/proc/sys", mount="/proc"), as_root=False).mounted
    assert not at_target(HERE, Place(root="/", mount="/proc"), as_root=False).mounted


def test_what_lies_on_the_target_is_counted_without_asides(tmp_path: Path) -> None:
    for name in ("lost+found/x", ".ops-temp/x", "sub/.ops-partial/x", "sub/lost+found/x", "y"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "link").symlink_to("y")
    before = _free(tmp_path)
    found = at_target(HERE, Place(root=str(tmp_path)), as_root=False)
    both = before, _free(tmp_path)  # others write there, too
    assert (found.files, found.bytes) == (3, 1)
    assert min(both) - 10**9 < found.free_bytes < max(both) + 10**9


def _free(folder: Path) -> int:
    free = os.statvfs(folder)
    return free.f_bavail * free.f_frsize


def test_a_missing_target_still_has_free_room(tmp_path: Path) -> None:
    found = at_target(HERE, Place(root=str(tmp_path / "a/b")), as_root=False)
    assert (found.found, found.files) == (False, 0)
    assert found.free_bytes > 0


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, tmp_path, *BASE)
    with pytest.raises(OpsError, match=r"wiki\.campus\.main has no rsync ssh") as caught:
        at_source(HERE, _set(tmp_path), as_root=False)
    assert "apt install" in caught.value.hint


def test_what_the_streams_need_is_asked_for_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, tmp_path, *BASE, "rsync", "ssh", "ssh-keygen", "mkfifo", "sha256sum", "awk")
    with pytest.raises(OpsError, match=r"wiki\.campus\.main has no flock tar xargs"):
        at_source(HERE, _set(tmp_path), as_root=False)
    with pytest.raises(OpsError, match=r"wiki\.campus\.main has no flock tar xargs"):
        at_target(HERE, Place(root=str(tmp_path)), as_root=False)
