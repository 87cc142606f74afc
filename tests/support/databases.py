"""Real database servers of their own, on sockets in a folder that goes with them.

    with postgresql() as server, server.chosen(monkeypatch): ...

Servers refuse to be root: as root they run as accounts that Debian's packages make.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_POSTGRESQL = Path("/usr/lib/postgresql")
_SCHEMAS = ("core", "cosine", "inetorgperson")
_SLAPD = """\
{schemas}
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
directory {folder}/data
"""


@dataclass(frozen=True)
class Server:
    """A server: its folder, and the environment in which its programs find it."""

    folder: Path
    environ: Mapping[str, str]
    account: tuple[str, ...] = ()

    def ask(self, *words: str | Path, told: bytes | str = b"") -> bytes:
        """Return what a program of the server's account prints."""
        return subprocess.run(
            [*self.account, *words],
            env={**os.environ, **self.environ},
            cwd=self.folder,
            input=told.encode() if isinstance(told, str) else told,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout


@contextmanager
def postgresql() -> Iterator[Server]:
    """Give an empty PostgreSQL server; `psql` and its like find it."""
    programs = max(_POSTGRESQL.glob("*/bin"), default=None)
    if programs is None:
        pytest.fail("PostgreSQL is not installed: make lab")
    with _folder("postgres") as server:
        data = server.folder / "data"
        quick = "-c fsync=off -c listen_addresses='' -c shared_buffers=16MB"
        server.ask(programs / "initdb", "--no-sync", "--auth=trust", "--pgdata", data)
        start = f"{quick} -c unix_socket_directories={server.folder}"
        control = (programs / "pg_ctl", "--pgdata", data, "--silent", "--wait", "--timeout=300")
        server.ask(*control, "--log", server.folder / "log", "--options", start, "start")
        try:
            yield Server(server.folder, {"PGHOST": str(server.folder)}, server.account)
        finally:
            server.ask(*control, "--mode=immediate", "stop")


@contextmanager
def mariadb() -> Iterator[Server]:
    """Give an empty MariaDB server without accounts; `mysql` and its like find it."""
    with _folder("nobody") as server:
        path = server.folder / "socket"
        (server.folder / ".my.cnf").write_text(f"[client]\nsocket={path}\n")
        words = f"--no-defaults --datadir={server.folder}/data --socket={path} --skip-networking"
        quick = "--skip-grant-tables --innodb-buffer-pool-size=8M --innodb-log-file-size=4M"
        with (server.folder / "log").open("wb") as log:
            started = subprocess.Popen(
                [*server.account, _program("mariadbd"), *words.split(), *quick.split()],
                stdout=log,
                stderr=log,
            )
        try:
            _wait_for(path, started)
            yield Server(server.folder, {"HOME": str(server.folder)})
        finally:
            started.kill()  # nobody wants its data any more
            started.wait()


@contextmanager
def ldap(base: str, ldif: str) -> Iterator[Server]:
    """Give the database of an OpenLDAP server that holds `ldif`; `slapcat` finds it.

    No server runs: slapcat reads the database itself, as the hooks do.
    """
    with tempfile.TemporaryDirectory(prefix="ops-ldap-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        schemas = "\n".join(f"include /etc/ldap/schema/{each}.schema" for each in _SCHEMAS)
        (folder / "slapd.conf").write_text(_SLAPD.format(schemas=schemas, base=base, folder=folder))
        (folder / "slapcat").write_text(
            f'#!/bin/sh\nexec {_program("slapcat")} -f "{folder}/slapd.conf" "$@"\n'
        )
        (folder / "slapcat").chmod(0o755)
        server = Server(folder, {"PATH": f"{folder}:{os.environ['PATH']}"})
        server.ask(_program("slapadd"), "-q", "-f", folder / "slapd.conf", told=ldif)
        yield server


@contextmanager
def _folder(account: str) -> Iterator[Server]:
    """Give a short-named folder, as sockets need it, that belongs to who runs the server."""
    with tempfile.TemporaryDirectory(prefix=f"ops-{account}-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "data").mkdir(0o700)
        if os.geteuid():
            yield Server(folder, {})
        else:
            for path in (folder, folder / "data"):
                shutil.chown(path, account)
            yield Server(folder, {}, _as(account))


def _as(account: str) -> tuple[str, ...]:
    """Return the words that run a program as an account, in the same process.

    runuser would stand between: ending it leaves the server. What is run so ends with us.
    """
    who = pwd.getpwnam(account)
    ids = (f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}")
    return ("setpriv", *ids, "--init-groups", "--pdeathsig=KILL", "--")


def _wait_for(path: Path, started: subprocess.Popen[bytes]) -> None:
    """Wait until the server takes connections, which is later than its socket is there."""
    until = time.monotonic() + 300
    while not _listens(path):
        if started.poll() is not None or time.monotonic() > until:
            pytest.fail(f"the server did not start: {(path.parent / 'log').read_text()}")
        time.sleep(0.02)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.fail(f"{name} is not installed: make lab")
    return found
