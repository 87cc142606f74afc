"""A host over SSH: one strict connection for many commands and threads."""

from __future__ import annotations

import threading
import time

import paramiko

from ops.errors import OpsError
from ops.remote.channel import ChannelSession, give_up
from ops.remote.dial import Line, dial
from ops.remote.endpoint import Endpoint
from ops.remote.errors import Unreachable
from ops.remote.shell import Shell

SESSIONS = 10
"""Commands at once on one connection: sshd's MaxSessions."""

_PATIENCE = 600
"""Seconds that a command waits for one of the others to end."""

_BUSY = 30
"""Seconds for which a server may refuse a further session."""

_ANSWER = 60
"""Seconds for which a server may think about whether it starts a command."""


def connect(endpoint: Endpoint) -> SshHost:
    """Return the host at the endpoint, connected.

    Raise HostKeyRefused when it is not the pinned one, Unreachable when it cannot be reached.
    """
    return SshHost(endpoint)


class SshHost(Shell):
    """A host (`ops.remote.host.Host`) on an SSH connection.

    A connection that was lost is dialled anew for the next command, as strictly as at first.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.name = endpoint.key_name
        self.user = endpoint.user
        self.become = endpoint.become
        self._lock = threading.Lock()
        self._sessions = threading.BoundedSemaphore(SESSIONS)
        self._closed = False
        self._line = dial(endpoint)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._line.close()

    def _open(self, line: bytes) -> ChannelSession:
        if not self._sessions.acquire(timeout=_PATIENCE):
            raise OpsError(
                f"{self.name}: {SESSIONS} commands run on this connection for {_PATIENCE} s",
                "end one of them, or connect a second time",
            )
        try:
            channel = self._channel(self._connected())
            _start(channel, line)
        except (OSError, EOFError, paramiko.SSHException) as error:
            self._sessions.release()
            raise self._lost(error) from error
        except BaseException:
            self._sessions.release()
            raise
        return ChannelSession(self.endpoint.where, channel, self._sessions.release)

    def _connected(self) -> Line:
        with self._lock:
            if self._closed:
                raise OpsError(f"{self.name}: the connection was closed")
            if not self._line.alive:
                self._line.close()
                self._line = dial(self.endpoint)
            return self._line

    def _channel(self, line: Line) -> paramiko.Channel:
        """Return a new channel; a server that has no session free right now is asked again.

        That is so when its MaxSessions is lower than ours, and for a moment after each command.
        paramiko tells it by two different errors, as it keeps only one for all threads.
        """
        until = time.monotonic() + _BUSY
        pause = 0.05
        while True:
            try:
                return line.transport.open_session()
            except paramiko.SSHException:
                if not line.alive or time.monotonic() > until:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _lost(self, error: Exception) -> OpsError:
        said = str(error) or type(error).__name__
        if isinstance(error, paramiko.SSHException) and self._line.alive:
            return OpsError(
                f"{self.endpoint.where}: the server takes no further command: {said}",
                "its MaxSessions may be too low: 10 is sshd's default",
            )
        return Unreachable(
            f"{self.endpoint.where}: the connection was lost: {said}",
            "try again when the host answers",
        )


def _start(channel: paramiko.Channel, line: bytes) -> None:
    """Start the line; paramiko would wait for the server's yes or no for ever."""
    timer = threading.Timer(_ANSWER, give_up, [channel])
    timer.daemon = True
    timer.start()
    try:
        channel.exec_command(line)
    except BaseException:
        give_up(channel)
        raise
    finally:
        timer.cancel()
