"""One SSH connection, opened strictly: Fabric's Connection, with nothing left to its defaults.

Fabric by itself trusts any host key, reads the user's ssh_config and fabric.yaml, and builds its
gateways as trusting as that; so each hop is built here, from an endpoint alone.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import struct
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import fabric
import paramiko

from ops.errors import OpsError
from ops.remote.channel import FastTransport
from ops.remote.endpoint import Endpoint
from ops.remote.ssh_config import Way, way
from ops.remote.trust import PinnedPolicy, key_types, pinned_text
from ops.remote.unreachable import dropped, unreachable

_ATTEMPTS = 5
_LOGIN_SECONDS = 30.0
_KEEPALIVE = 10
_LOST_AFTER = 30
"""Seconds without an acknowledgement after which the kernel calls a connection lost."""

_LEAVE = 5
"""Seconds that a ProxyCommand has to end by itself."""

_logger = logging.getLogger("paramiko")
_logger.addHandler(logging.NullHandler())
_logger.propagate = False  # its tracebacks are not for people; errors reach them as ours


@dataclass
class Line:
    """An open connection; `ending` closes it, and then what it goes through."""

    connection: Any
    ending: ExitStack

    @property
    def transport(self) -> paramiko.Transport:
        transport: paramiko.Transport = self.connection.transport
        return transport

    @property
    def alive(self) -> bool:
        """Return whether commands can be started on it, as far as we know."""
        return bool(self.connection.is_connected)

    def close(self) -> None:
        """Close it, and what it goes through."""
        self.ending.close()


def dial(endpoint: Endpoint) -> Line:
    """Return an open connection to the endpoint, its host key checked.

    A server that drops us before it says who it is (MaxStartups) is asked again a few times.
    Raise HostKeyRefused or Unreachable; OpsError for a key file or ssh_config that is not there.
    """
    path = way(endpoint)
    for file in path.identities:
        if not file.is_file():
            raise OpsError(f"{endpoint.where}: there is no key file {file}")
    for attempt in range(_ATTEMPTS):
        began = time.monotonic()
        try:
            return _dialled(endpoint, path)
        except (OSError, EOFError, paramiko.SSHException) as error:
            quick = time.monotonic() - began < endpoint.connect_timeout
            again = dropped(error) and quick and not path.proxy_command
            if not again or attempt == _ATTEMPTS - 1:
                raise unreachable(endpoint, path, error) from error
        time.sleep(random.uniform(0.2, 0.4) * 2**attempt)  # noqa: S311 - no secret
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


def _dialled(endpoint: Endpoint, path: Way) -> Line:
    text = pinned_text(endpoint)
    settings = _settings(endpoint, path, text)
    with ExitStack() as ending:
        gateway = _gateway(path, ending)
        if path.proxy_command:
            settings["sock"] = _proxy(path.proxy_command, ending)
        connection = _connection(endpoint, settings, gateway)
        ending.callback(connection.client.close)  # Fabric leaves a half-open one as it is
        ending.callback(connection.close)
        connection.client.set_missing_host_key_policy(PinnedPolicy(endpoint, text))
        _open(connection)
        _watch(connection.transport)
        return Line(connection, ending.pop_all())


def _open(connection: Any) -> None:
    """Connect; what paramiko falls over in the other side's words is that side's fault.

    Its reader passes on whatever it raised, a struct.error as well as a ValueError.
    """
    try:
        connection.open()
    except (ValueError, LookupError, struct.error) as error:
        raise paramiko.SSHException(f"{type(error).__name__}: {error}") from error


def _gateway(path: Way, ending: ExitStack) -> Line | None:
    if path.gateway is None:
        return None
    gateway = dial(path.gateway)
    ending.callback(gateway.close)
    return gateway


def _connection(endpoint: Endpoint, settings: dict[str, object], gateway: Line | None) -> Any:
    connection = fabric.Connection(
        "host",
        user=endpoint.user,
        port=endpoint.port,
        config=fabric.Config(ssh_config=paramiko.SSHConfig(), lazy=True),
        gateway=gateway.connection if gateway is not None else None,
        forward_agent=False,
        connect_kwargs=settings,
    )
    connection.host = endpoint.address  # unlike the constructor's, no shorthand is read out of it
    return connection


def _proxy(line: str, ending: ExitStack) -> socket.socket:
    """Start a ProxyCommand, its streams one socket as ssh has it; return our end of that.

    paramiko's own ProxyCommand takes the end of the program for silence, and spins.
    """
    ours, theirs = socket.socketpair()
    ending.callback(ours.close)
    with theirs:
        proxy = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {line}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    ending.callback(_end, proxy)
    return ours


def _end(proxy: subprocess.Popen[bytes]) -> None:
    """End a ProxyCommand with its children, also one that is deaf to SIGTERM."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if proxy.poll() is None:
            with suppress(OSError):
                os.killpg(proxy.pid, number)
            with suppress(subprocess.TimeoutExpired):
                proxy.wait(_LEAVE)


def _settings(endpoint: Endpoint, path: Way, text: str) -> dict[str, object]:
    def transport(sock: Any, **settings: Any) -> paramiko.Transport:
        made = FastTransport(sock, **settings)
        options = made.get_security_options()
        options.key_types = key_types(text, endpoint.key_name, tuple(options.key_types))
        return made

    seconds = endpoint.connect_timeout
    return {
        "timeout": seconds,
        "banner_timeout": seconds,
        "auth_timeout": max(seconds, _LOGIN_SECONDS),
        "channel_timeout": max(seconds, _LOGIN_SECONDS),
        "key_filename": [str(file) for file in path.identities],
        "allow_agent": not path.identities,
        "look_for_keys": not path.identities,
        "transport_factory": transport,
    }


def _watch(transport: FastTransport) -> None:
    """Notice a network that went away without a word, and a host that hangs."""
    transport.watch(_KEEPALIVE)
    sock = transport.sock
    if isinstance(sock, socket.socket) and sock.family != socket.AF_UNIX:
        milliseconds = _LOST_AFTER * 1000
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
