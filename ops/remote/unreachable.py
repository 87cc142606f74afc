"""Why there is no connection, in words: what, where, what to do."""

from __future__ import annotations

import errno
import socket

import paramiko
from paramiko.ssh_exception import NoValidConnectionsError

from ops.remote.endpoint import Endpoint
from ops.remote.errors import Unreachable
from ops.remote.ssh_config import Way


def dropped(error: Exception) -> bool:
    """Return whether the server hung up before it said who it is, as with MaxStartups."""
    if isinstance(error, EOFError | ConnectionResetError | BrokenPipeError):
        return True
    said = isinstance(error, paramiko.SSHException) and "protocol banner" in str(error)
    return said and not _waited(error)


def unreachable(endpoint: Endpoint, path: Way, error: Exception) -> Unreachable:
    """Return the error for a connection that did not come about."""
    what, hint = _login(endpoint, path, error) or _network(endpoint, error) or _ssh(path, error)
    via = f" through {path.gateway.where}" if path.gateway is not None else ""
    return Unreachable(f"{endpoint.where}{via}: {what}", hint)


def _login(endpoint: Endpoint, path: Way, error: Exception) -> tuple[str, str] | None:
    keys = ", ".join(map(str, path.identities)) or "the keys of the agent and of ~/.ssh"
    if isinstance(error, paramiko.PasswordRequiredException):
        return (
            f"the key {keys} has a passphrase",
            "use a key without one, or load it into the agent and name no key file",
        )
    if isinstance(error, paramiko.AuthenticationException) or "uthentication" in str(error):
        return (
            f"log-in refused for user {endpoint.user} with {keys}",
            f"put the public key into ~{endpoint.user}/.ssh/authorized_keys there, "
            "or correct user or key in the inventory",
        )
    if isinstance(error, paramiko.SSHException) and "private key file" in str(error):
        return f"{keys}: {error}", "make the key anew, or name another one"
    return None


def _network(endpoint: Endpoint, error: Exception) -> tuple[str, str] | None:
    place = f"{endpoint.address} port {endpoint.port}"
    if isinstance(error, socket.gaierror):
        return f"the name {endpoint.address} is unknown", "correct the address in the inventory"
    if isinstance(error, paramiko.ChannelException):
        return (
            f"the gateway cannot connect to {place}: {error.text}",
            "see whether the host is up, and whether the gateway allows forwarding",
        )
    numbers = _numbers(error)
    if errno.ECONNREFUSED in numbers:
        return f"{place} refuses connections", "see whether sshd runs there, and on which port"
    if numbers & {errno.EHOSTUNREACH, errno.ENETUNREACH}:
        return f"there is no route to {place}", "see whether the host is up and the network too"
    if _waited(error) or "No existing session" in str(error):
        return (
            f"no answer from {place} within {endpoint.connect_timeout:g} s",
            "see whether the host is up and a firewall or security group lets us in",
        )
    return None


def _ssh(path: Way, error: Exception) -> tuple[str, str]:
    if path.proxy_command and dropped(error):
        return f"its ProxyCommand ended: {path.proxy_command}", "try that by hand"
    if dropped(error):
        return (
            "the server hung up before it said who it is",
            "see whether it is an SSH server; too many log-ins at once (MaxStartups) "
            "or a ban look the same",
        )
    said = str(error) or type(error).__name__
    return f"no SSH connection: {said}", "try `ssh -v` by hand"


def _numbers(error: Exception) -> set[int | None]:
    if isinstance(error, NoValidConnectionsError):
        return {getattr(each, "errno", None) for each in error.errors.values()}
    return {error.errno} if isinstance(error, OSError) else set()


def _waited(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
