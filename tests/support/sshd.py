"""A real OpenSSH server of its own on loopback: one host, as the user who runs the tests.

    with Sshd(tmp_path / "wiki") as server:
        host = connect(server.endpoint("wiki.campus.main"))

Keys are exchanged the quick way, which is nobody's question here. No root is needed. Where
there is no sshd the tests skip, or fail with OPS_LAB=full.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from ops.remote.endpoint import Endpoint
from tests.support.processes import state

_CONFIG = """\
ListenAddress {address}:{port}
HostKey {host_key}
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/pid
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding yes
MaxStartups 100:30:200
PrintMotd no
KexAlgorithms curve25519-sha256@libssh.org
Subsystem sftp internal-sftp
SetEnv HOME={folder} PATH={path}
"""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Sshd:
    """An sshd in the foreground, ended with everything it started when the block is left.

    Log-ins find the server's folder as HOME and its `bin` first in PATH: nothing of the user's own.

    `settings` are lines put before the others (the first of two wins in sshd_config). A given
    `client_key` is let in instead of one made here.
    """

    folder: Path
    settings: str = ""
    address: str = "127.0.0.1"
    key_type: str = "ed25519"
    client_key: Path | None = None
    port: int = 0
    user: str = field(default_factory=getpass.getuser)
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = sshd_or_skip()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.make_host_key()
        if self.client_key is None:
            self.client_key = make_key(self.folder / "client")
        shutil.copy(f"{self.client_key}.pub", self.folder / "authorized_keys")
        for _ in range(5):
            if self._started(program):
                return self
        raise RuntimeError((self.folder / "log").read_text())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def host_key(self) -> str:
        """Return the public host key as known_hosts has it: `ssh-ed25519 AAAA...`."""
        return " ".join((self.folder / "host.pub").read_text().split()[:2])

    @property
    def log(self) -> str:
        """Return what sshd wrote."""
        return (self.folder / "log").read_text()

    def make_host_key(self) -> str:
        """Give the server a new host key and return it; a running server keeps the old one."""
        for old in (self.folder / "host", self.folder / "host.pub"):
            old.unlink(missing_ok=True)
        make_key(self.folder / "host", self.key_type)
        return self.host_key

    def pin(self, key_name: str, key: str = "") -> Path:
        """Append the host key under this name to the server's known_hosts file; return the file."""
        known_hosts = self.folder / "known_hosts"
        with known_hosts.open("a") as lines:
            lines.write(f"{key_name} {key or self.host_key}\n")
        return known_hosts

    def endpoint(self, key_name: str = "wiki.campus.main", *, pinned: bool = True) -> Endpoint:
        """Return the endpoint of this server, its key pinned in the server's known_hosts file."""
        if pinned:
            self.pin(key_name)
        return Endpoint(
            key_name,
            self.address,
            self.user,
            self.folder / "known_hosts",
            port=self.port,
            identity=self.client_key,
            connect_timeout=60,
        )

    def stop(self) -> None:
        """End the server and the sessions it has."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            for pid in _stopped(process.pid):
                _send(pid, signal.SIGKILL)
        process.wait()

    def _started(self, program: str) -> bool:
        self.port = self.port or free_port(self.address)
        config, ready = self.folder / "sshd_config", self.folder / "pid"
        ready.unlink(missing_ok=True)
        config.write_text(
            self.settings
            + "\n"
            + _CONFIG.format(
                address=self.address,
                port=self.port,
                folder=self.folder,
                path=f"{self.folder}/bin:{_PATH}",
                host_key=self.folder / "host",
            )
        )
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-D", "-e", "-f", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if _listens(self._process, ready):
            return True
        self.stop()
        self.port = 0
        return False


def sshd_or_skip() -> str:
    """Return the sshd program, or skip the test (fail it with OPS_LAB=full)."""
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        reason = "no sshd on this machine (apt install openssh-server)"
        if os.environ.get("OPS_LAB") == "full":
            pytest.fail(reason)
        pytest.skip(reason)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    return program


def make_key(path: Path, key_type: str = "ed25519") -> Path:
    """Make a key pair without passphrase; return the path of the private half."""
    size = ["-b", "2048"] if key_type == "rsa" else []
    words = ["ssh-keygen", "-q", "-t", key_type, *size, "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(words, check=True)
    return path


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _listens(process: subprocess.Popen[bytes], ready: Path, seconds: float = 60) -> bool:
    """Return whether sshd listens before it ends or the time is over.

    It writes its id just after that. That somebody answers at the port says less: it may be
    another server, which took the port before.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if ready.exists():
            return True
        time.sleep(0.02)
    return False


def _stopped(pid: int) -> set[int]:
    """Return the process and all that descends from it, each stopped: so none makes another one."""
    family, new = set[int](), {pid}
    while new:
        for one in new:
            _send(one, signal.SIGSTOP)
        for one in new:
            _await_stop(one)
        family |= new
        new = set(_descendants(pid)) - family
    return family


def _await_stop(pid: int, seconds: float = 60) -> None:
    """Wait until the process is stopped, or has ended, or is held (D): by a stopped child maybe."""
    end = time.monotonic() + seconds
    while state(pid) not in ("T", "Z", "D", "") and time.monotonic() < end:
        time.sleep(0.005)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):  # it may end while we look
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *_descendants(child)]
    return found


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
