"""Where a host is and how it is to be reached: a value, and the same as options of `ssh`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Become = Literal["none", "sudo"]


@dataclass(frozen=True)
class Endpoint:
    """One way to one host.

    `key_name` names the host key in `known_hosts` (`wiki.cloud.main`), whatever the address is
    today. `identity` is the private key file; without one the agent and the user's own keys are
    tried. `gateway` is a host to go through, as strict as this one. `ssh_config` is read for
    IdentityFile, ProxyJump and ProxyCommand of the address only, and only when it is given.
    """

    key_name: str
    address: str
    user: str
    known_hosts: Path
    port: int = 22
    become: Become = "none"
    identity: Path | None = None
    gateway: Endpoint | None = None
    ssh_config: Path | None = None
    connect_timeout: float = 10

    @property
    def where(self) -> str:
        """Return the host as a person names it: `wiki.cloud.main (ops@198.18.4.2:22)`."""
        return f"{self.key_name} ({self.user}@{self.address}:{self.port})"


def ssh_options(endpoint: Endpoint) -> tuple[str, ...]:
    """Return the options that make `ssh` (or rsync's `-e ssh ...`) as strict as ops/remote.

    The destination itself is not among them: append `endpoint.address`. User, port, key name
    and gateways are options. Paths are taken as they are on the machine where `ssh` will run.
    No ssh_config is read, the endpoint's neither: its jumps would be trusted as it says.
    """
    options = {
        "HostKeyAlias": _value(endpoint.key_name),
        "UserKnownHostsFile": _value(str(endpoint.known_hosts)),
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "CheckHostIP": "no",
        "BatchMode": "yes",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "ControlMaster": "no",
        "ControlPath": "none",
        "ConnectTimeout": str(max(1, round(endpoint.connect_timeout))),
        "ServerAliveInterval": "10",
        "ServerAliveCountMax": "3",
        "User": _value(endpoint.user),
        "Port": str(endpoint.port),
    }
    if endpoint.identity is not None:
        options |= {"IdentitiesOnly": "yes", "IdentityFile": _value(str(endpoint.identity))}
    if endpoint.gateway is not None:
        options["ProxyCommand"] = _through(endpoint.gateway)
    return ("-F", "none", *(part for name, value in options.items() for part in _o(name, value)))


def _o(name: str, value: str) -> tuple[str, str]:
    return "-o", f"{name}={value}"


def _through(gateway: Endpoint) -> str:
    """Return the ProxyCommand for a gateway: a line for the user's shell, % doubled for ssh."""
    inner = shlex.join(["ssh", *ssh_options(gateway)]).replace("%", "%%")
    return f"{inner} -W '[%h]:%p' {shlex.quote(gateway.address)}"


def _value(text: str) -> str:
    """Return a value as ssh's option parser reads it back: % doubled, quoted when it has blanks."""
    doubled = text.replace("%", "%%")
    if not any(mark in doubled for mark in " \t\"'#\\="):
        return doubled
    return '"' + doubled.replace("\\", "\\\\").replace('"', '\\"') + '"'
