"""One SSH connection, opened strictly: Fabric's Connection, with nothing left to its defaults.

Fabric by itself trusts any host key, reads the user's ssh_config and fabric.yaml, and builds its
gateways as trusting as that; so each hop is built here, from an endpoint alone.
"""

from __future__ import annotations

import logging
import random
import socket
import time
from contextlib import suppress
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
        _close(self.connection)
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
            if not (dropped(error) and quick and attempt < _ATTEMPTS - 1):
                raise unreachable(endpoint, path, error) from error
        time.sleep(random.uniform(0.2, 0.4) * 2**attempt)  # noqa: S311 - no secret
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


def _dialled(endpoint: Endpoint, path: Way) -> Line:
    gateway = dial(path.gateway) if path.gateway is not None else None
    connection = _connection(endpoint, path, gateway)
    try:
        connection.open()
    except BaseException:
        _close(connection)
        if gateway is not None:
            gateway.close()
        raise
    _watch(connection.transport)
    return Line(connection, gateway)


def _connection(endpoint: Endpoint, path: Way, gateway: Line | None) -> Any:
    text = pinned_text(endpoint)
    config = fabric.Config(ssh_config=paramiko.SSHConfig(), lazy=True)
    connection = fabric.Connection(
        "host",
        user=endpoint.user,
        port=endpoint.port,
        config=config,
        gateway=gateway.connection if gateway is not None else path.proxy_command or None,
        forward_agent=False,
        connect_kwargs=_settings(endpoint, path, text),
    )
    connection.host = endpoint.address  # unlike the constructor's, no shorthand is read out of it
    connection.client.set_missing_host_key_policy(PinnedPolicy(endpoint, text))
    return connection


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
    if isinstance(transport.sock, socket.socket):
        milliseconds = _LOST_AFTER * 1000
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def _close(connection: Any) -> None:
    """Close a connection, also a half-open one, which Fabric would leave as it is."""
    transport = connection.client.get_transport()
    connection.close()
    connection.client.close()
    if transport is not None and isinstance(transport.sock, paramiko.ProxyCommand):
        _reap(transport.sock)


def _reap(proxy: paramiko.ProxyCommand) -> None:
    process = proxy.process
    with suppress(OSError):
        process.terminate()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
