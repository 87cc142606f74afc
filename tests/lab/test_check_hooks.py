"""The sample's check hooks: a data folder copied while its server ran opens and answers.

And the lock hooks: nobody changes a table until it is taken back, or its time is over.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from ops.backup.hooks import HookFailed, ask, hooked
from ops.remote.local import LocalHost
from tests.support.databases import Server, mariadb, postgresql
from tests.support.fabric_tree import PROJECT

pytestmark = pytest.mark.lab

HOOKS = PROJECT / "inventory" / "templates" / "hooks"
TABLE = "CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2);"


@pytest.fixture
def copy() -> Iterator[Path]:
    """Return a folder that servers of any account may enter."""
    with tempfile.TemporaryDirectory(prefix="ops-check-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """Let a MariaDB server write nothing within the block: a snapshot is of one moment."""
    [file] = (server.folder / "data").glob("*.pid")
    pid = int(file.read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def check(hook: str, *words: str) -> str:
    return ask(LocalHost(), [hook, *words], HOOKS.joinpath)


def test_a_copied_postgresql_answers_and_a_damaged_one_does_not(copy: Path) -> None:
    with postgresql() as server:
        server.ask("createdb", "roundup")
        server.ask("psql", "--quiet", "roundup", told=f"{TABLE} CHECKPOINT;")
        asked = "SELECT pg_relation_filepath('t')"
        table = server.ask("psql", "-Atd", "roundup", told=asked).decode().strip()
        data = copy / Path("/usr/lib/postgresql").iterdir().__next__().name / "main"
        data.parent.mkdir()
        subprocess.run(["cp", "-a", str(server.folder / "data"), str(data)], check=True)
    assert check("postgresql-check", str(copy), "roundup") == "1 tables"
    content = bytearray((data / table).read_bytes())
    content[:64] = b"\xff" * 64
    (data / table).write_bytes(bytes(content))
    with pytest.raises(HookFailed, match="page"):
        check("postgresql-check", str(copy), "roundup")


def test_a_copied_mariadb_answers_and_a_lost_table_does_not(copy: Path) -> None:
    with mariadb() as server:
        server.ask("mysql", told=f"CREATE DATABASE mailman3; USE mailman3; {TABLE}")
        with stopped(server):
            data = str(server.folder / "data")
            subprocess.run(["cp", "-a", data, str(copy / "data")], check=True)
    assert check("mariadb-check", str(copy / "data"), "mailman3") == "1"
    (copy / "data/mailman3/t.ibd").unlink()
    with pytest.raises(HookFailed):
        check("mariadb-check", str(copy / "data"), "mailman3")
    shutil.rmtree(copy / "data/mailman3")
    with pytest.raises(HookFailed):
        check("mariadb-check", str(copy / "data"), "mailman3")


LOCKED = "SET lock_wait_timeout = 1; INSERT INTO t VALUES (3)"
# The server sees a moment later that the session has ended that held the lock.
FREE = "SET lock_wait_timeout = 60; INSERT INTO t VALUES (3)"


def locked(seconds: str) -> AbstractContextManager[None]:
    lock, unlock = ["mariadb-lock", seconds], ["mariadb-unlock"]
    return hooked(LocalHost(), [lock], [unlock], HOOKS.joinpath)


@pytest.fixture
def mailman3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Give a MariaDB server with a table, which hooks find as root does."""
    with mariadb() as server:
        server.ask("mysql", told=f"CREATE DATABASE mailman3; USE mailman3; {TABLE}")
        monkeypatch.setenv("HOME", str(server.folder))
        yield server


def test_nobody_changes_a_table_that_is_locked(mailman3: Server) -> None:
    with locked("600"), pytest.raises(subprocess.CalledProcessError):
        mailman3.ask("mysql", "mailman3", told=LOCKED)
    mailman3.ask("mysql", "mailman3", told=FREE)


def test_a_lock_ends_by_itself_and_the_backup_hears_of_it(mailman3: Server) -> None:
    with pytest.raises(HookFailed, match="the lock had ended before"), locked("1"):
        mailman3.ask("mysql", "mailman3", told="INSERT INTO t VALUES (3)")  # waits for its end


def test_a_process_that_has_the_number_of_an_ended_lock_is_let_be(mailman3: Server) -> None:
    lock, unlock = ["mariadb-lock", "600"], ["mariadb-unlock"]
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            for after in (lock, unlock):
                ask(LocalHost(), lock, HOOKS.joinpath)
                holder = Path("/run/ops-mariadb-lock/holder")
                os.kill(int(holder.read_text()), signal.SIGTERM)
                holder.write_text(str(stranger.pid))
                with nullcontext() if after is lock else pytest.raises(HookFailed, match="ended"):
                    ask(LocalHost(), after, HOOKS.joinpath)
            assert stranger.poll() is None
        finally:
            stranger.kill()
    mailman3.ask("mysql", "mailman3", told=FREE)


def test_a_lock_that_was_left_behind_is_replaced(mailman3: Server) -> None:
    ask(LocalHost(), ["mariadb-lock", "600"], HOOKS.joinpath)
    with locked("600"):
        pass
    mailman3.ask("mysql", "mailman3", told=FREE)
