"""No secret is in what a run leaves or shows: logs, records, reports, hosts, process lists."""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from ops.lab.record import Lab
from ops.remote.command import script
from ops.remote.host import Host
from tests.lab.test_migrate import Documents, _wait, documents
from tests.lab.test_migrate_databases import _hook
from tests.migrate.fleet import Fleet, fleet
from tests.support.databases import Server, postgresql
from tests.support.fabric_tree import FAB, PROJECT
from tests.support.processes import command_lines

__all__ = ["documents"]

pytestmark = pytest.mark.lab

Secrets = Mapping[str, Sequence[bytes]]
"""What must not be found, by name: any one piece tells of the whole."""

_HOSTS_OWN = {"disks", "root", "up", "work"}
"""Folders of a lab that hold the hosts' files, which are looked at inside the hosts."""

_KEPT = """
journalctl --all --no-pager --output=export
find / /dev/shm /run /srv/documents -xdev ! -path '/usr/*' -type f -print0 |
  xargs -0 -r cat 2>/dev/null || : some are gone by the time they are read
"""

_SET = """\
  tracker:
    kind: database
    engine: postgresql
    database: roundup
    dump: {{script: hooks/postgresql-dump, arguments: [roundup]}}
    load: {{script: hooks/postgresql-load, arguments: [roundup]}}
    digest: {{script: hooks/postgresql-digest, arguments: [roundup]}}
    folder: {folder}
"""

_TABLE = """
CREATE TABLE issue (word text);
INSERT INTO issue VALUES ('{row}');
INSERT INTO issue SELECT md5(n::text) FROM generate_series(1, 20000) n
"""

_HELD = """ | {{
    left=3000
    until [ -e '{seen}' ] || [ "$left" = 0 ]; do
        left=$((left - 1))
        sleep 0.1
    done
    cat
}}
"""
"""What a dump goes through, which is more than a pipe holds: so it is there until it was seen,
for some minutes."""


def test_no_key_is_in_what_a_run_leaves_or_shows(documents: Documents, full_lab: Lab) -> None:
    keys = documents.repo.var / "keys"
    (keys / "aws-secret").write_text(f"{secrets.token_hex(20)}\n")
    documents.on_source(  # in archives, for some seconds
        "mkdir -p added && for n in 1 2 3 4; do head -c 50000000 /dev/urandom >added/big$n; done"
    )
    with _processes_seen() as seen:
        said = _said(documents.fab("provision", "app=documents"))  # it asks AWS
        own, ended = _moved_and_its_key(documents)
    said += _said(ended)
    hidden: Secrets = {
        "run": _pieces(own),
        "login": _pieces((keys / "login").read_bytes()),
        "signing": _pieces((keys / "signing").read_bytes()),
        "aws": [(keys / "aws-secret").read_bytes().strip()],
    }
    assert any(b"\0tar\0" in line or line.startswith(b"dd\0") for line in seen)
    assert _found(hidden, [("a command line", line) for line in seen]) == set()
    assert _found(hidden, [("what fab said", text) for text in said]) == set()
    assert _found(hidden, _of_host(documents.source, documents.target)) == set()
    assert _found(hidden, _of_git(documents.repo.path)) == set()
    assert _found(hidden, _of_files(full_lab.path)) == {
        ("login", "keys/login"),
        ("login", "inventory/var/keys/login"),
        ("signing", "inventory/var/keys/signing"),
        ("aws", "inventory/var/keys/aws-secret"),
    }


def test_no_password_and_no_row_of_a_database_is_in_what_a_run_leaves_or_shows(
    tmp_path: Path,
) -> None:
    password, row = secrets.token_hex(20), secrets.token_hex(20)
    hooks = tmp_path / "sample/templates/hooks"
    hooks.mkdir(parents=True)
    with postgresql() as server:
        asking = _with_password(server, password)
        asking.ask("psql", "--quiet", "postgres", told="CREATE DATABASE campus")
        asking.ask("psql", "--quiet", "campus", told=_TABLE.format(row=row))
        for kind in ("dump", "load", "digest"):
            (hooks / f"postgresql-{kind}").write_text(_hook(asking, f"postgresql-{kind}"))
        with (hooks / "postgresql-dump").open("r+") as dump:
            words = dump.read().rstrip().replace("exec $owner", "$owner")
            dump.seek(0)
            dump.write(words + _HELD.format(seen=tmp_path / "seen"))
            dump.truncate()
        with fleet(tmp_path, _SET.format(folder=tmp_path)) as here:
            with _processes_seen() as seen:
                said = _said(_moved_and_seen(here, seen, tmp_path / "seen"))
            assert row.encode() in asking.ask("pg_dump", "cloud")
            hidden: Secrets = {"password": [password.encode()], "row": [row.encode()]}
            assert _dumping(seen)
            assert _found(hidden, [("a command line", line) for line in seen]) == set()
            assert _found(hidden, [("what fab said", text) for text in said]) == set()
            assert _found(hidden, _of_git(here.repo.path)) == set()
            assert _found(hidden, _of_files(tmp_path)) == set()


def _moved_and_seen(here: Fleet, seen: set[bytes], note: Path) -> subprocess.CompletedProcess[str]:
    """Move the data; the dump goes on when it was seen."""
    words, pipe = [str(FAB), "migrate.metered", "wiki"], subprocess.PIPE
    with subprocess.Popen(
        words, cwd=PROJECT, env=here.environ, stdout=pipe, stderr=pipe, text=True
    ) as task:
        until = time.monotonic() + 300
        try:
            while not _dumping(seen) and task.poll() is None and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            note.touch()
        out, err = task.communicate()
    return subprocess.CompletedProcess(words, task.returncode, out, err)


def _dumping(seen: set[bytes]) -> bool:
    return any(line.startswith(b"pg_dump\0") or b"/pg_dump\0" in line for line in seen.copy())


def _with_password(server: Server, password: str) -> Server:
    """Return a server that asks for a password, which is in a file as libpq takes it."""
    file, rules = server.folder / "pass", server.folder / "data/pg_hba.conf"
    server.ask("psql", "--quiet", "postgres", told=f"ALTER ROLE postgres PASSWORD '{password}'")
    server.ask("sh", "-c", 'umask 077 && cat >"$0"', file, told=f"*:*:*:*:{password}")
    server.ask("sh", "-c", 'echo "local all all scram-sha-256" >"$0"', rules)
    server.ask("psql", "--quiet", "postgres", told="SELECT pg_reload_conf()")
    _wait(lambda: not _lets_in(server), 10)
    return replace(server, environ={**server.environ, "PGPASSFILE": str(file)})


def _lets_in(server: Server) -> bool:
    try:
        server.ask("psql", "--no-password", "postgres", told="SELECT 1")
    except subprocess.CalledProcessError:
        return False
    return True


def _moved_and_its_key(
    documents: Documents,
) -> tuple[bytes, subprocess.CompletedProcess[str]]:
    """Move the data, and return the private key that the run had on the source meanwhile."""
    keys, over = list[bytes](), threading.Event()
    look = script("cat /dev/shm/ops-migrate.documents.*/key 2>/dev/null", root=True)

    def watch() -> None:
        while not over.wait(0.1):
            keys.append(documents.source.run(look, check=False).out)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        ended = documents.move()
    finally:
        over.set()
        watcher.join()
    return max(keys), ended


def _pieces(key: bytes) -> list[bytes]:
    """Return what tells a private key: its lines that are not public, and what they stand for."""
    made = load_ssh_private_key(key, None)
    assert isinstance(made, Ed25519PrivateKey)
    raw = made.private_bytes_raw()
    _, _, *lines, _ = key.splitlines()
    return [raw, raw.hex().encode(), *(line for line in lines if len(line) > 40)]


def _found(hidden: Secrets, texts: Iterable[tuple[str, bytes]]) -> set[tuple[str, str]]:
    """Return which secret is found where."""
    return {
        (name, where)
        for where, text in texts
        for name, pieces in hidden.items()
        if any(piece in text for piece in pieces)
    }


def _said(ended: subprocess.CompletedProcess[str]) -> list[bytes]:
    """Return what a task that went well has told."""
    assert ended.returncode == 0, ended.stderr
    return [ended.stdout.encode(), ended.stderr.encode()]


def _of_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file, what is packed also unpacked as far as it goes.

    Runs that tests before this one have killed leave a meter that was cut off. What a service
    that still runs has removed meanwhile is no file of a run.
    """
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _HOSTS_OWN]
        for path in (Path(root, name) for name in names):
            if path.is_file():
                try:
                    content = path.read_bytes()
                except FileNotFoundError:
                    continue
                yield str(path.relative_to(folder)), content
                if path.suffix == ".gz":
                    yield (
                        str(path.relative_to(folder)),
                        zlib.decompressobj(wbits=31).decompress(content),
                    )


def _of_git(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield all that the repository's history holds."""
    words = ["git", "-C", str(folder), "cat-file", "--batch", "--batch-all-objects"]
    yield "git", subprocess.run(words, capture_output=True, check=True).stdout


def _of_host(*hosts: Host) -> Iterator[tuple[str, bytes]]:
    """Yield the journal of each host, and all files there but the system's own."""
    for host in hosts:
        kept = host.run(script(_KEPT, root=True)).out
        assert b"SYSLOG_IDENTIFIER=sshd" in kept and b"\nnobody:x:" in kept
        assert b"SYSLOG_IDENTIFIER=sudo" in kept and b"ops-migrate.documents." in kept
        yield host.name, kept


@contextmanager
def _processes_seen() -> Iterator[set[bytes]]:
    """Gather the command lines of this machine's processes, the lab's hosts' among them."""
    seen, over = set[bytes](), threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            seen.update(command_lines().values())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
