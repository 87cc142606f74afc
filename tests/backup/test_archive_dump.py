"""Dumps that count, and dumps that don't."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops.backup.archive_dump import DumpFailed, dump, dumping
from ops.remote.local import LocalHost

GOOD = "printf 'x\\n-- Dump completed\\n'"


def made(folder: Path, text: str, engine: str = "mariadb", least: int = 1) -> int:
    asked = dumping(engine, str(folder / "d/issues.dump"), least, text, ["an argument"])
    return dump(LocalHost(), "issues", replace(asked, root=False))


def test_a_whole_dump_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    assert made(tmp_path, GOOD) == 20
    assert made(tmp_path, 'echo "$1"; ' + GOOD) == 32
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["issues.dump"]
    assert (tmp_path / "d/issues.dump").read_text().startswith("an argument")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo x", "closing line is missing"),
        (f"{GOOD}; exit 4", "it ended with 4"),
        (f"false; {GOOD}", "it ended with 1"),
        (f"#!/bin/bash\n(exit 5) | cat\n{GOOD}", "it ended with 5"),
        ("#!/bin/bash\nno-such-program", "it ended with 127"),
        (":", "0 bytes"),
    ],
)
def test_anything_else_is_no_dump_and_leaves_the_one_before(
    tmp_path: Path, text: str, words: str
) -> None:
    made(tmp_path, GOOD)
    with pytest.raises(DumpFailed, match=words):
        made(tmp_path, text)
    assert (tmp_path / "d/issues.dump").stat().st_size == 20
    assert len(list((tmp_path / "d").iterdir())) == 1


def test_a_small_dump_is_none(tmp_path: Path) -> None:
    with pytest.raises(DumpFailed, match="20 bytes, and less than 100"):
        made(tmp_path, GOOD, least=100)


@pytest.mark.parametrize(
    ("engine", "good", "cut"),
    [
        ("ldap", "printf 'dn: a\\nx: y\\n\\n'", "printf 'dn: a\\nx: y'"),
        ("postgresql", "echo '-- PostgreSQL database dump complete'", "echo 'SELECT 1;'"),
    ],
)
def test_each_engine_has_its_own_end(tmp_path: Path, engine: str, good: str, cut: str) -> None:
    assert made(tmp_path, good, engine)
    with pytest.raises(DumpFailed, match="ended early"):
        made(tmp_path, cut, engine)
