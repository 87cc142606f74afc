"""Dumps that count, and dumps that don't."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from ops.backup.archive_dump import DumpFailed, Hook, dump
from ops.remote.local import LocalHost
from tests.support.databases import Server, ldap, mariadb, postgresql
from tests.support.fabric_tree import PROJECT

GOOD = "printf 'x\\n-- Dump completed\\n'"
BASE = "dc=papa,dc=example,dc=edu"
LDIF = f"dn: {BASE}\nobjectClass: domain\ndc: papa\n"
SERVERS: dict[str, Callable[[], AbstractContextManager[Server]]] = {
    "postgresql": postgresql,
    "mariadb": mariadb,
    "ldap": partial(ldap, BASE, LDIF),
}
NAMES = {"postgresql": "postgres", "mariadb": "here", "ldap": BASE}


def made(folder: Path, text: str, least: int = 1) -> int:
    to = str(folder / "d/issues.dump")
    return dump(LocalHost(), "issues", Hook("mariadb", to, least, text, ["an argument"], False))


def test_a_whole_dump_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    assert made(tmp_path, GOOD) == 20
    assert made(tmp_path, 'echo "$1"; ' + GOOD) == 32
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["issues.dump"]
    assert (tmp_path / "d/issues.dump").read_text().startswith("an argument")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo x", "ends early"),
        (f"{GOOD}; echo no >&2; exit 4", "ended with 4: no"),
        (f"false; {GOOD}", "ended with 1"),
        (f"(exit 5) | cat\n{GOOD}", "ended with 5"),
        ("no-such-program", "ended with 127"),
        (":", "the dump is empty"),
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
    with pytest.raises(DumpFailed, match="has 20 B, and less than 100"):
        made(tmp_path, GOOD, least=100)


def test_a_dump_that_shrank_to_a_small_part_is_none(tmp_path: Path) -> None:
    made(tmp_path, "head -c 999 /dev/zero; echo; " + GOOD)
    with pytest.raises(DumpFailed, match="the last one had") as failed:
        made(tmp_path, GOOD)
    assert f"remove {tmp_path}/d/issues.dump" in str(failed.value.hint)


@pytest.mark.lab
@pytest.mark.parametrize("engine", SERVERS)
def test_the_samples_hooks_make_dumps_that_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    text = (PROJECT / f"inventory/templates/hooks/{engine}-dump").read_text()
    # this MariaDB has no tables of its own, so no routines and events to be asked for
    text = text.replace("--routines --triggers --events ", "")
    with SERVERS[engine]() as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        if engine == "mariadb":
            server.ask("mysql", told="CREATE DATABASE here; CREATE TABLE here.t (x int)")
        hook = Hook(engine, str(tmp_path / "d/x.dump"), 20, text, [NAMES[engine]], False)
        assert dump(LocalHost(), "x", hook) > 20


@pytest.mark.lab
def test_a_dump_in_postgresqls_own_format_counts_when_it_can_be_read(tmp_path: Path) -> None:
    to = str(tmp_path / "d/x.dump")
    with postgresql() as server:
        whole = tmp_path / "whole"
        whole.write_bytes(server.ask("pg_dump", "--format=custom", "postgres"))
    hook = Hook("postgresql", to, 20, 'cat "$1"', [str(whole)], False)
    assert dump(LocalHost(), "x", hook) == whole.stat().st_size
    with pytest.raises(DumpFailed, match="ends early"):
        dump(LocalHost(), "x", Hook("postgresql", to, 20, 'head -c 99 "$1"', [str(whole)], False))
