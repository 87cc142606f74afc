"""One SSH connection, opened strictly: Fabric's Connection, with nothing left to its defaults.

Fabric by itself trusts any host key, reads the user's ssh_config and fabric.yaml, and builds its
gateways as trusting as that; so each hop is built here, from an endpoint alone.
"""

from __future__ import annotations

import logging
import random
import socket
import subprocess
import time
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

_logger = logging.getLogger("paramiko")
_logger.addHandler(logging.NullHandler())
_logger.propagate = False  # its tracebacks are not for people; errors reach them as ours


@dataclass
class Line:
    """An open connection, and the one it goes through."""

    connection: Any
    gateway: Line | None = None
    proxy: subprocess.Popen[bytes] | None = None

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
        self.connection.close()  # Fabric leaves a half-open one as it is, so:
        self.connection.client.close()
        if self.proxy is not None:
            self.proxy.terminate()
            self.proxy.wait()
        if self.gateway is not None:
            self.gateway.close()


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
    gateway = dial(path.gateway) if path.gateway is not None else None
    proxy = _proxy(path.proxy_command, settings) if path.proxy_command else None
    line = Line(_connection(endpoint, settings, gateway), gateway, proxy)
    line.connection.client.set_missing_host_key_policy(PinnedPolicy(endpoint, text))
    try:
        line.connection.open()
    except BaseException:
        line.close()
        raise
    _watch(line.transport)
    return line


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


def _proxy(line: str, settings: dict[str, object]) -> subprocess.Popen[bytes]:
    """Start a ProxyCommand, its streams one socket as ssh has it; that goes into the settings.

    paramiko's own ProxyCommand takes the end of the program for silence, and spins.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        settings["sock"] = ours
        return subprocess.Popen(
            ["/bin/sh", "-c", f"exec {line}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


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


def _watch(transport: paramiko.Transport) -> None:
    """Notice a network that went away without a word."""
    transport.set_keepalive(_KEEPALIVE)
    sock = transport.sock
    if isinstance(sock, socket.socket) and sock.family != socket.AF_UNIX:
        milliseconds = _LOST_AFTER * 1000
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
