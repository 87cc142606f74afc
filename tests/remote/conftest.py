"""One real sshd for all tests of ops/remote that only need some host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.remote.connection import SshHost, connect
from tests.support.sshd import Sshd


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("sshd")) as started:
        yield started


@pytest.fixture(scope="session")
def host(server: Sshd) -> Iterator[SshHost]:
    with connect(server.endpoint("wiki.campus.main")) as connected:
        yield connected


@pytest.fixture
def sudo(server: Sshd) -> Iterator[Path]:
    """Put a stand-in for sudo on the server: it notes its arguments, and wants `-n --`."""
    program, log = server.folder / "bin" / "sudo", server.folder / "sudo.log"
    program.parent.mkdir(exist_ok=True)
    program.write_text(_SUDO.format(log=log))
    program.chmod(0o755)
    log.write_bytes(b"")
    yield log
    program.unlink()


_SUDO = """\
#!/bin/sh
printf '%s\\n' "$@" >>{log}
[ "$1 $2" = "-n --" ] || {{ echo "sudo: expected -n --" >&2; exit 1; }}
shift 2
exec "$@"
"""
