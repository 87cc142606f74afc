"""What is gone from the source goes from the target, and nothing else does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import Incomplete, Refused
from ops.inventory.schema import FileSet
from ops.migrate.engine.mirror import delete, gone
from tests.migrate.conftest import TARGET, Cut, Pair


def _data(pair: Pair, **more: object) -> FileSet:
    places = {"source": {"root": str(pair.source)}, "target": {"root": str(pair.target)}}
    return FileSet.model_validate({"kind": "files", **places, **more})


def _fill(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def test_what_is_gone_from_the_source_is_deleted_with_hostile_names(pair: Pair) -> None:
    _fill(pair.source, "same", "sub/same")
    _fill(pair.target, "same", "sub/same", "sub/-rf *\n", "old/a b/c", ".ops-temp/run")
    (pair.target / "link").symlink_to(pair.source)
    (pair.target / "lost+found").mkdir()
    os.utime(pair.target / "sub", (1, 1_000_000))
    found = gone(pair.ends, _data(pair))
    assert sorted(found) == [b"link", b"old", b"old/a b", b"old/a b/c", b"sub/-rf *\n"]
    delete(pair.ends, str(pair.target), found)
    assert gone(pair.ends, _data(pair)) == []
    assert (pair.source / "same").exists()
    assert (pair.target / "lost+found").is_dir()
    assert (pair.target / "sub").stat().st_mtime == 1_000_000


def test_an_empty_source_deletes_nothing(pair: Pair) -> None:
    _fill(pair.target, "precious")
    with pytest.raises(Refused, match="is empty"):
        gone(pair.ends, _data(pair))


def test_a_source_off_its_mount_deletes_nothing(pair: Pair) -> None:
    _fill(pair.source, "a")
    _fill(pair.target, "precious")
    data = _data(pair, source={"root": str(pair.source), "mount": str(pair.source.parent)})
    with pytest.raises(Refused, match="does not lie on a mounted"):
        gone(pair.ends, data)


def test_a_source_that_cant_be_listed_deletes_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(pair.source, "a")
    _fill(pair.target, "precious")
    find = pair.home / "bin/find"
    find.parent.mkdir()
    find.write_text('#!/bin/sh\n/usr/bin/find "$@"\necho "find: a: I/O error" >&2\nexit 1\n')
    find.chmod(0o755)
    monkeypatch.setenv("PATH", f"{find.parent}:{os.environ['PATH']}")
    with pytest.raises(Incomplete, match="could not be listed"):
        gone(pair.ends, _data(pair))


def test_what_cant_be_deleted_is_told(pair: Pair) -> None:
    _fill(pair.target, "old/late")
    with pytest.raises(Incomplete, match="not all could be deleted"):
        delete(pair.ends, str(pair.target), [b"old"])


def test_of_a_list_that_comes_cut_short_nothing_is_deleted(pair: Pair) -> None:
    _fill(pair.target, "a", "old/report", "old/report.bak")
    ends = replace(pair.ends, target=Cut(TARGET))
    with pytest.raises(Incomplete, match="bytes of standard input only"):
        delete(ends, str(pair.target), [b"a", b"old/report.bak"])
    assert sorted(path.name for path in pair.target.rglob("*")) == [
        "a",
        "old",
        "report",
        "report.bak",
    ]


@pytest.fixture
def mounted(pair: Pair) -> Iterator[Path]:
    """Yield a folder of the source that a disk of its own is mounted on."""
    media = pair.source / "media"
    media.mkdir()
    made = ["mount", "-t", "tmpfs", "tmpfs", str(media)]
    if subprocess.run(made, check=False, capture_output=True).returncode:
        pytest.skip("mounts need root")
    try:
        yield media
    finally:
        subprocess.run(["umount", str(media)], check=False)


def test_a_mount_of_the_source_is_not_gone_where_the_target_has_a_folder(
    pair: Pair, mounted: Path
) -> None:
    _fill(pair.source, "page", "media/1")
    _fill(pair.target, "page", "media/1", "media/sub/2", "old")
    assert gone(pair.ends, _data(pair)) == [b"old"]


def test_a_disk_in_a_set_that_crosses_mounts_has_to_be_mounted(pair: Pair, mounted: Path) -> None:
    _fill(pair.source, "page", "media/1")
    _fill(pair.target, "page", "media/1", "media/2")
    data = _data(pair, cross_mounts=True)
    assert gone(pair.ends, data) == [b"media/2"]
    subprocess.run(["umount", str(mounted)], check=True)
    with pytest.raises(Refused, match="/media is empty"):
        gone(pair.ends, data)


def test_another_data_set_below_is_not_gone(pair: Pair) -> None:
    _fill(pair.source, "page")
    _fill(pair.target, "page", "media/1", "old")
    assert gone(pair.ends, _data(pair), [f"{pair.target}/media"]) == [b"old"]


def test_a_source_with_nothing_but_what_is_excluded_deletes_nothing(pair: Pair) -> None:
    _fill(pair.source, "left.tmp")
    _fill(pair.target, "precious")
    with pytest.raises(Refused, match="is empty"):
        gone(pair.ends, _data(pair, exclude=["*.tmp"]))
