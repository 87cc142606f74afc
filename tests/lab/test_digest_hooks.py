"""The sample's digest hooks on real databases: what they see, and what they don't pass over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.inventory.schema import Hook
from ops.remote.local import LocalHost
from ops.verify import databases
from ops.verify.databases import Told
from ops.verify.verdict import Judgement
from tests.support.databases import Server, ldap, mariadb, postgresql
from tests.support.fabric_tree import PROJECT

pytestmark = pytest.mark.lab

BASE = "dc=example,dc=edu"
LDIF = f"""\
dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: cn=staff,{BASE}
objectClass: groupOfNames
cn: staff
member: cn=ann,{BASE}
member: cn=bob,{BASE}
"""
POSTGRESQL = """\
CREATE SCHEMA odd;
CREATE TABLE issue (id serial PRIMARY KEY, title text, at timestamptz, cost float8, raw bytea);
INSERT INTO issue (title, at, cost, raw) VALUES
    ('two' || chr(10) || 'lines', '2026-01-01Z', 0.1, ''),
    (NULL, '2026-07-01 12:00+02', 1e300, '\\x00ff');
CREATE TABLE odd."a table|with \\ blanks" (word text);
INSERT INTO odd."a table|with \\ blanks" VALUES ('same'), ('same');
CREATE TABLE nothing (id int);
CREATE VIEW titles AS SELECT title FROM issue;
SELECT lo_from_bytea(4711, 'large');
"""
MARIADB = """\
CREATE TABLE member (id int PRIMARY KEY, name varchar(40), picture blob);
INSERT INTO member VALUES (1, 'two\\nlines', x'00ff27'), (2, NULL, '');
CREATE TABLE `a table with \\ blanks` (word varchar(20));
INSERT INTO `a table with \\ blanks` VALUES ('b'), ('a'), ('a');
CREATE TABLE nothing (id int);
CREATE VIEW names AS SELECT name FROM member;
"""


def _told(engine: str, *arguments: str) -> Told:
    hook = Hook(script=f"hooks/{engine}-digest", arguments=list(arguments))
    text = (PROJECT / "inventory/templates" / hook.script).read_text()
    return databases.asked(LocalHost(), text, hook)


def _judged(engine: str, other: str) -> Judgement:
    return databases.judgement(_told(engine, "here"), _told(engine, other))


def _found(judged: Judgement) -> list[tuple[str, bytes, str]]:
    return [(each.kind, each.path, each.words) for each in judged.differences]


@pytest.fixture(scope="module")
def roundup() -> Iterator[Server]:
    """Give PostgreSQL with the databases `here`, and `there`, its dump loaded."""
    with postgresql() as server:
        server.ask(
            "psql", "--quiet", "postgres", told="CREATE DATABASE here; CREATE DATABASE there"
        )
        server.ask("psql", "--quiet", "--set=ON_ERROR_STOP=1", "here", told=POSTGRESQL)
        dump = server.ask("pg_dump", "here")
        server.ask("psql", "--quiet", "--set=ON_ERROR_STOP=1", "there", told=dump)
        settings = "SET timezone='Asia/Tokyo'; ALTER DATABASE there SET datestyle='German'"
        server.ask("psql", "--quiet", "there", told=f"ALTER DATABASE there {settings}")
        yield server


@pytest.fixture(scope="module")
def mailman() -> Iterator[Server]:
    """Give MariaDB with the databases `here`, and `there` and `changed`, its dump loaded."""
    with mariadb() as server:
        names = ("here", "there", "changed")
        server.ask("mysql", told="".join(f"CREATE DATABASE {name};" for name in names))
        server.ask("mysql", "here", told=MARIADB)
        dump = server.ask("mysqldump", "here").replace(b"DEFINER=``", b"")  # no accounts here
        for name in ("there", "changed"):
            server.ask("mysql", name, told=dump)
        yield server


def test_a_loaded_dump_is_the_same(
    roundup: Server, mailman: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for server, engine, tables, rows in (
        (roundup, "postgresql", 5, 6),
        (mailman, "mariadb", 3, 5),
    ):
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        judged = _judged(engine, "there")
        assert (judged.verdict, judged.files, judged.source_faults) == ("same", tables, [])
        assert _told(engine, "there").rows == rows


def test_postgresql_names_each_table_that_differs(
    roundup: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", roundup.environ["PGHOST"])
    changes = """UPDATE issue SET cost = 0.1000000000000001 WHERE id = 1;
        DROP TABLE nothing; CREATE TABLE newer (id int); SELECT nextval('issue_id_seq');
        DELETE FROM odd."a table|with \\ blanks" WHERE ctid = '(0,1)'"""
    roundup.ask("psql", "--quiet", "postgres", told="CREATE DATABASE changed TEMPLATE there")
    roundup.ask("psql", "--quiet", "changed", told=changes)
    assert _found(_judged("postgresql", "changed")) == [
        ("different", b'odd."a table|with \\\\ blanks"', "2 rows here, 1 there"),
        ("different", b"public.issue", "content"),
        ("different", b"public.issue_id_seq", "content"),
        ("extra", b"public.newer", "table"),
        ("missing", b"public.nothing", "table"),
    ]


def test_mariadb_names_each_table_that_differs(
    mailman: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", mailman.environ["HOME"])
    changes = """UPDATE member SET name = 'two\\\\nlines' WHERE id = 1; DROP TABLE nothing;
        CREATE TABLE newer (id int); DELETE FROM `a table with \\ blanks` LIMIT 1"""
    mailman.ask("mysql", "changed", told=changes)
    assert _found(_judged("mariadb", "changed")) == [
        ("different", b"a table with \\\\ blanks", "3 rows here, 2 there"),
        ("different", b"member", "content"),
        ("extra", b"newer", "table"),
        ("missing", b"nothing", "table"),
    ]


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_database_that_is_not_there_leaves_its_side_unread(
    engine: str, roundup: Server, mailman: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", roundup.environ["PGHOST"])
    monkeypatch.setenv("HOME", mailman.environ["HOME"])
    judged = _judged(engine, "nowhere")
    assert (judged.verdict, judged.files) == ("incomplete", 0)
    (fault,) = judged.target_faults
    assert fault.path == f"hooks/{engine}-digest".encode()
    assert "nowhere" in fault.reason


def _tree(ldif: str, monkeypatch: pytest.MonkeyPatch) -> Told:
    with ldap(BASE, ldif) as server, monkeypatch.context() as patched:
        patched.setenv("PATH", server.environ["PATH"])
        return _told("ldap", BASE)


def test_a_directory_is_the_same_whatever_the_order_of_its_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = _tree(LDIF, monkeypatch)
    turned = LDIF.replace("cn=ann", "X").replace("cn=bob", "cn=ann").replace("X", "cn=bob")
    assert databases.judgement(here, _tree(turned, monkeypatch)).verdict == "same"
    assert (here.rows, list(here.tables)) == (2, [BASE.encode()])
    other = databases.judgement(here, _tree(LDIF.replace("cn=bob", "cn=bill"), monkeypatch))
    assert _found(other) == [("different", BASE.encode(), "content")]
    monkeypatch.setenv("PATH", f"{Path('/nowhere')}:/usr/bin:/bin")
    assert databases.judgement(here, _told("ldap", BASE)).verdict == "incomplete"
