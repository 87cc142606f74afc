"""Databases in snapshots: the sample's hooks on real servers, and drills that ask them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ops.backup.hooks import HookFailed
from ops.lab.record import Lab
from tests.support.store import Store, stored

pytestmark = pytest.mark.lab

POSTGRESQL, MARIADB = "/var/lib/postgresql", "/var/lib/mysql"
BACKUP: dict[str, Any] = {
    "level": "application",
    "schedule": "0 1 * * *",
    "keep": {},
    "before": [
        {"script": "hooks/postgresql-checkpoint", "arguments": ["roundup"]},
        {"script": "hooks/mariadb-lock", "arguments": ["600"]},
    ],
    "after": [{"script": "hooks/mariadb-unlock"}],
    "check": [
        {"script": "hooks/postgresql-check", "arguments": [POSTGRESQL, "roundup"]},
        {"script": "hooks/mariadb-check", "arguments": [MARIADB, "mailman3"]},
    ],
}
FILL = """
cd /
runuser -u postgres -- createdb roundup
runuser -u postgres -- psql -q roundup -c 'CREATE TABLE issue (n int);
    INSERT INTO issue SELECT generate_series(1, 1000)'
mysql -e 'CREATE DATABASE mailman3; CREATE TABLE mailman3.member (n int) ENGINE=Aria;
    INSERT INTO mailman3.member VALUES (1), (2), (3)'
"""


@pytest.fixture(scope="module")
def databases(full_lab: Lab) -> Iterator[Store]:
    """Give a host with PostgreSQL and MariaDB at work, each on a volume of its own."""
    packages = ("postgresql", "mariadb-server")
    with stored(full_lab, BACKUP, POSTGRESQL, MARIADB, packages=packages) as made:
        made.do(FILL)
        yield made


def test_databases_are_restored_from_a_snapshot_and_answer(databases: Store) -> None:
    taken = databases.snapshot()
    assert (taken.level, taken.unlisted, taken.because) == ("application", "", "")
    done = databases.drill()
    assert (done.state.verdict, done.differences) == ("proven", [])
    asked = [one for one in databases.repo.record(done.state.run).steps if "said" in one.facts]
    assert [one.facts["said"] for one in asked] == ["1 tables", "1"]
    databases.do("mysql -e 'INSERT INTO mailman3.member VALUES (4)'")  # nobody holds a lock
    assert databases.left() == ([], "")


def test_a_database_that_is_not_there_is_found_by_the_drill(databases: Store) -> None:
    databases.do("mysql -e 'DROP DATABASE mailman3; CREATE DATABASE mailman3'")
    databases.snapshot()
    with pytest.raises(HookFailed, match="mailman3 has no table"):
        databases.drill()
