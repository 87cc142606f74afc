"""Real databases moved by the sample's hooks: all of it arrives, and what breaks is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ops.inventory import machine
from ops.migrate import metered
from ops.migrate.reporting.figures import SetFigures, Summary
from tests.migrate.fleet import Fleet, fleet
from tests.support.bars import silent
from tests.support.databases import Server, mariadb, postgresql
from tests.support.fabric_tree import PROJECT

pytestmark = pytest.mark.lab

HOOKS = PROJECT / "inventory/templates/hooks"
POSTGRESQL = """\
CREATE ROLE roundup; CREATE SCHEMA odd;
CREATE TABLE issue (id serial PRIMARY KEY, title text, raw bytea);
INSERT INTO issue (title, raw) SELECT 'issue ' || n || chr(10), decode(md5(n::text), 'hex')
    FROM generate_series(1, 2000) n;
CREATE TABLE odd."a table|with \\ blanks" (word text);
INSERT INTO odd."a table|with \\ blanks" VALUES ('same'), ('same'), (NULL);
ALTER TABLE issue OWNER TO roundup;
"""
MARIADB = """\
CREATE TABLE member (id int PRIMARY KEY, name varchar(40), picture blob);
INSERT INTO member VALUES (1, 'two\\nlines \U0001f600', x'00ff27'), (2, NULL, '');
"""
# Both sides are one machine with one server: the side says which database is meant.
_HOOK = """\
case $HOME in */campus) set -- campus ;; *) set -- cloud ;; esac
export {environ}
{text}
"""
_SET = """\
  {name}:
    kind: database
    engine: {name}
    database: roundup
    dump: {{script: hooks/{name}-dump, arguments: [roundup]}}
    load: {{script: hooks/{name}-load, arguments: [roundup]}}
    digest: {{script: hooks/{name}-digest, arguments: [roundup]}}
    folder: {folder}
"""


def _hook(server: Server, name: str) -> str:
    environ = " ".join(f"{key}='{value}'" for key, value in server.environ.items())
    text = (HOOKS / name).read_text()
    # This MariaDB has no tables of its own, so no routines and events to be asked for.
    return _HOOK.format(environ=environ, text=text.replace("--routines --triggers --events ", ""))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Give a fleet with two databases on campus, and servers without them in the cloud."""
    folder = tmp_path_factory.mktemp("fleet")
    hooks = folder / "sample/templates/hooks"
    hooks.mkdir(parents=True)
    with ExitStack() as stack:
        roundup, mailman = (stack.enter_context(server()) for server in (postgresql, mariadb))
        roundup.ask("psql", "--quiet", "postgres", told="CREATE DATABASE campus")
        roundup.ask("psql", "--quiet", "--set=ON_ERROR_STOP=1", "campus", told=POSTGRESQL)
        mailman.ask("mysql", told="CREATE DATABASE campus CHARACTER SET utf8mb4")
        mailman.ask("mysql", "--default-character-set=utf8mb4", "campus", told=MARIADB)
        for engine, server in (("postgresql", roundup), ("mariadb", mailman)):
            for kind in ("dump", "load", "digest"):
                name = f"{engine}-{kind}"
                (hooks / name).write_text(_hook(server, name))
        sets = "".join(_SET.format(name=n, folder=folder) for n in ("postgresql", "mariadb"))
        made = stack.enter_context(fleet(folder, sets))
        yield made


def _moved(here: Fleet) -> tuple[Summary, dict[str, SetFigures]]:
    summary = metered.rehearse(here.repo, "wiki", bars=silent)
    assert not list(here.home.parent.glob("ops-dump*"))
    return summary, {each.name: each for each in summary.sets}


def test_all_tables_and_rows_arrive_and_a_second_run_replaces_them(here: Fleet) -> None:
    for _ in range(2):
        summary, sets = _moved(here)
        assert summary.exit_code == 0, [one.words for one in summary.sets]
        assert (sets["postgresql"].tables, sets["postgresql"].rows) == (3, 2004)
        assert (sets["mariadb"].tables, sets["mariadb"].rows) == (1, 2)


def test_a_dump_that_is_cut_short_is_named_and_not_loaded(here: Fleet) -> None:
    hook = here.repo.path / "templates/hooks/postgresql-dump"
    whole = hook.read_text()
    hook.write_text(whole.replace("exec $owner", "$owner").rstrip() + " | head -n 40 || true\n")
    here.repo.git.commit(["templates/hooks/postgresql-dump"], "Cut", machine.suite())
    summary, sets = _moved(here)
    assert summary.exit_code == 4
    assert "the dump ends early" in sets["postgresql"].words
    assert sets["mariadb"].words == ""
    hook.write_text(whole)
    here.repo.git.commit(["templates/hooks/postgresql-dump"], "Mend", machine.suite())
    assert _moved(here)[0].exit_code == 0
