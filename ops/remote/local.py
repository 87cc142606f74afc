"""This machine as a host: the same commands, without SSH."""

from __future__ import annotations

import getpass
import os
import select
import signal
import subprocess
import time
from contextlib import suppress

from ops.errors import OpsError
from ops.remote.endpoint import Become
from ops.remote.shell import Shell

_CHUNK = 1024 * 1024


class LocalHost(Shell):
    """This machine. root means sudo, unless this program already runs as root."""

    def __init__(self, name: str = "this machine") -> None:
        self.name = name
        self.user = getpass.getuser()
        self.become: Become = "none" if os.geteuid() == 0 else "sudo"

    def _open(self, line: bytes) -> _Process:
        return _Process(line)

    def close(self) -> None:
        """Do nothing: there is no connection."""


class _Process:
    """A local process in a session of its own, so that a Ctrl-C meant for us passes it by."""

    def __init__(self, line: bytes) -> None:
        try:
            self._popen = subprocess.Popen(
                [b"/bin/sh", b"-c", line],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise OpsError(f"this machine: a command could not be started: {error}") from error

    def recv(self, timeout: float | None) -> bytes | None:
        out = self._popen.stdout
        if out is None or out.closed:
            return b""
        if timeout is not None and not _readable(out.fileno(), timeout):
            return None
        return os.read(out.fileno(), _CHUNK)

    def recv_err(self) -> bytes:
        err = self._popen.stderr
        return b"" if err is None or err.closed else os.read(err.fileno(), _CHUNK)

    def send(self, octets: bytes) -> None:
        view, stdin = memoryview(octets), self._popen.stdin
        while view and stdin is not None:
            if stdin.closed:
                raise BrokenPipeError("standard input was closed")
            view = view[os.write(stdin.fileno(), view) :]

    def close_input(self) -> None:
        if self._popen.stdin is not None:
            self._popen.stdin.close()

    def wait(self, timeout: float | None) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self._popen.wait(timeout)
        return None

    def close(self) -> None:
        if self._popen.poll() is None:
            self._kill()
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if stream is not None:
                stream.close()

    def _kill(self) -> None:
        """End a process group that has no lifeline; what runs as root is sudo's to end."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGTERM)
        until = time.monotonic() + 1
        while self._popen.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()


def _readable(descriptor: int, timeout: float) -> bool:
    """Return whether there is something to read; unlike select, also beyond 1024 open files."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout * 1000))
