"""Two ends on this machine: the source runs here, the target behind a real sshd on loopback.

The target's log-in has a home of its own, so that nobody's authorized_keys is touched.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ops.migrate.engine.ends import Ends
from ops.remote.command import Command
from ops.remote.errors import Unreachable
from ops.remote.host import Result
from ops.remote.local import LocalHost
from ops.remote.program import Program
from tests.support.sshd import Sshd

TARGET = "wiki.cloud.main"

BASE = ("sh", "env", "timeout", "dd", "dirname", "stat", "head", "rm", "mkdir", "tail")
"""Programs that any machine has."""


class Pair(NamedTuple):
    """Both ends, and the folders of the test."""

    ends: Ends
    home: Path
    source: Path
    target: Path
    server: Sshd

    @property
    def keys(self) -> bytes:
        """Return the target's authorized_keys."""
        return (self.home / ".ssh/authorized_keys").read_bytes()


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """Yield two ends with empty folders, and a key of a person on the target."""
    home, source, target = (tmp_path / name for name in ("home", "source", "target"))
    for folder in (home / ".ssh", source, target):
        folder.mkdir(parents=True)
    (home / ".ssh/authorized_keys").write_bytes(b"ssh-ed25519 AAAA somebody@example.org\n")
    monkeypatch.setenv("HOME", str(home))
    settings = f"AuthorizedKeysFile {home}/.ssh/authorized_keys\nSetEnv HOME={home}"
    with Sshd(tmp_path / "sshd", settings) as server:
        endpoint = server.endpoint(TARGET)
        near, far = LocalHost("wiki.campus.main"), LocalHost(TARGET)
        yield Pair(Ends(near, far, endpoint, server.host_key), home, source, target, server)


class Cut(LocalHost):
    """A host to which the connection breaks before the last bytes of any standard input."""

    def run(self, command: Command, **given: Any) -> Result:
        """Run the command with less than it was to read."""
        if isinstance(command.stdin, bytes):
            command = replace(command, stdin=command.stdin[:-5])
        return super().run(command, **given)


class Lost(LocalHost):
    """A host that is not reached any more once it is asked for something with `word` in it."""

    def __init__(self, name: str, word: str) -> None:
        super().__init__(name)
        self.word = word
        self.gone = False

    def run(self, command: Command, **given: Any) -> Result:
        """Run the command, unless the host is lost."""
        self._look(command)
        return super().run(command, **given)

    def start(self, command: Command, *, feed: Iterable[bytes] | None = None) -> Program:
        """Start the command, unless the host is lost."""
        self._look(command)
        return super().start(command, feed=feed)

    def _look(self, command: Command) -> None:
        self.gone = self.gone or self.word in str(command)
        if self.gone:
            raise Unreachable(f"{self.name}: no answer")


@contextmanager
def mounted(folder: Path, kind: str, options: str = "defaults") -> Iterator[None]:
    """Have a file system of its own in the folder within the block."""
    subprocess.run(["mount", "-t", kind, "-o", options, "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def only(monkeypatch: pytest.MonkeyPatch, folder: Path, *names: str) -> None:
    """Let only these programs be found, in the folder."""
    for name in names:
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
