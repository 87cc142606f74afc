"""One real sshd for all tests of ops/remote that only need some host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.remote.command import command
from ops.remote.connection import SshHost, connect
from ops.remote.errors import TimedOut
from ops.remote.shell import Shell
from tests.support.processes import none_has
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


def check_time_limit(host: Shell, folder: Path, stdin: bytes | None = None) -> None:
    """Check that a time limit ends a command and its child on the host, once both run.

    A short limit may be over before that, and then nothing is proven: a longer one is next.
    """
    begun, asked = folder / "begun", 'sleep 99 & touch "$OPS_TEST/begun"; wait'
    what = command("sh", "-c", asked, stdin=stdin, env={"OPS_TEST": str(folder)})
    for limit in (0.5, 5, 60):
        with pytest.raises(TimedOut, match=rf"took more than {limit:g} s"):
            host.run(what, timeout=limit)
        assert none_has(f"OPS_TEST={folder}")
        if begun.exists():
            return
    pytest.fail("the command did not begin")


_SUDO = """\
#!/bin/sh
printf '%s\\n' "$@" >>{log}
[ "$1 $2" = "-n --" ] || {{ echo "sudo: expected -n --" >&2; exit 1; }}
shift 2
exec "$@"
"""
