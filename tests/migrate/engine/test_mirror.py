"""What is gone from the source goes from the target, and nothing else does."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import Incomplete, Refused
from ops.inventory.patterns import Excludes
from ops.inventory.schema import FileSet
from ops.migrate.engine.mirror import delete, gone, missing
from tests.migrate.conftest import TARGET, Cut, Pair


def _data(pair: Pair, **more: object) -> FileSet:
    places = {"source": {"root": str(pair.source)}, "target": {"root": str(pair.target)}}
    return FileSet.model_validate({"kind": "files", **places, **more})


def _fill(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def test_folders_come_after_what_is_in_them() -> None:
    there = [(b"d", b"a"), (b"f", b"a/b"), (b"d", b"a/c"), (b"f", b"a/c/d"), (b"f", b"stays")]
    found = missing(there, [b"stays"], Excludes([]))
    assert sorted(found) == [b"a", b"a/b", b"a/c", b"a/c/d"]
    assert found.index(b"a/c/d") < found.index(b"a/c") < found.index(b"a")


def test_what_is_excluded_stays_and_so_do_the_folders_above_it() -> None:
    there = [(b"d", b"a"), (b"d", b"a/b"), (b"f", b"a/b/x.tmp"), (b"f", b"a/y")]
    assert missing(there, [], Excludes(["*.tmp"])) == [b"a/y"]


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
