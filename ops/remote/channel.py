"""SSH channels that move bytes as fast as `ssh` does, and know which signal ended a command.

paramiko underneath, with three differences: AES-GCM first (its default, AES-CTR with an HMAC, costs
a third more), a window of 16 MiB instead of 2 (which is 30 MB/s at 70 ms round trip), and the
`exit-signal` message, which paramiko drops, kept.
"""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from paramiko import Channel, Message, Transport
from paramiko.common import MSG_CHANNEL_REQUEST

from ops.remote.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 16 * 1024 * 1024
PACKET = 256 * 1024

_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
_SENT = 32 * 1024
_SOON = 0.001
_UNKNOWN_SIGNAL = 127


def _request(channel: Channel, message: Message) -> None:
    """Take `exit-signal`; leave every other request to paramiko."""
    at = message.packet.tell()
    if message.get_text() == "exit-signal":
        message.get_boolean()
        channel.ended_by = message.get_text()  # type: ignore[attr-defined]
        channel.status_event.set()
        return
    message.packet.seek(at)
    Channel._handle_request(channel, message)  # type: ignore[attr-defined]


class FastTransport(Transport):
    """A paramiko transport as described above."""

    _channel_handler_table = {  # noqa: RUF012 - paramiko's own shape
        **Transport._channel_handler_table,  # type: ignore[attr-defined]
        MSG_CHANNEL_REQUEST: _request,
    }

    def __init__(self, sock: object, **settings: object) -> None:
        super().__init__(
            sock,  # type: ignore[arg-type]
            default_window_size=WINDOW,
            default_max_packet_size=PACKET,
            **settings,  # type: ignore[arg-type]
        )
        options = self.get_security_options()
        others = [name for name in options.ciphers if name not in _CIPHERS]
        options.ciphers = (*_CIPHERS, *others)


class ChannelSession:
    """The streams of one command on an SSH connection (`ops.remote.program.Session`)."""

    def __init__(self, where: str, channel: Channel, release: Callable[[], None]) -> None:
        self._where = where
        self._channel = channel
        self._release = release
        self._open = threading.Lock()

    def recv(self, timeout: float | None) -> bytes | None:
        channel = self._channel
        channel.settimeout(timeout if timeout is None else max(timeout, _SOON))
        try:
            return channel.recv(WINDOW)
        except TimeoutError:
            return None
        finally:
            channel.settimeout(None)

    def recv_err(self) -> bytes:
        while True:
            with suppress(TimeoutError):  # of recv, which shares the setting
                return self._channel.recv_stderr(WINDOW)

    def send(self, octets: bytes) -> None:
        view = memoryview(octets)
        while view:
            with suppress(TimeoutError):
                sent = self._channel.send(bytes(view[:_SENT]))
                if not sent:
                    raise BrokenPipeError(f"{self._where}: nobody reads standard input any more")
                view = view[sent:]

    def close_input(self) -> None:
        self._channel.shutdown_write()

    def wait(self, timeout: float | None) -> int | None:
        if not self._channel.status_event.wait(timeout):
            return None
        name = getattr(self._channel, "ended_by", "")
        if name:
            return -int(getattr(signal, f"SIG{name}", _UNKNOWN_SIGNAL))
        if self._channel.exit_status < 0:
            raise Unreachable(
                f"{self._where}: the connection was lost while a command ran",
                "the host ends what we started there; try again when it answers",
            )
        return self._channel.exit_status

    def close(self) -> None:
        if self._open.acquire(blocking=False):
            self._channel.close()
            self._release()
