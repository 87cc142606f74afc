"""What a person's ssh_config may supply: keys and ways to the host, where the site declares it.

Never a host key, a user, an address or a port: those are the inventory's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import paramiko

from ops.errors import OpsError
from ops.remote.endpoint import Endpoint

_DEEPEST = 8


@dataclass(frozen=True)
class Way:
    """How to get to an endpoint: which key files, through what."""

    identities: tuple[Path, ...] = ()
    gateway: Endpoint | None = None
    proxy_command: str = ""


def way(endpoint: Endpoint) -> Way:
    """Return the way to the endpoint. What the endpoint says wins over its ssh_config.

    A host that ProxyJump names is as strict as any: its key is looked up in the endpoint's
    known_hosts under its HostKeyAlias, else as `host`, or `[host]:port` for another port than 22.
    Raise OpsError for an ssh_config that cannot be read.
    """
    own = (endpoint.identity,) if endpoint.identity is not None else ()
    if endpoint.ssh_config is None:
        return Way(own, endpoint.gateway)
    settings = _lookup(endpoint.ssh_config, endpoint.address, _fixed(endpoint))
    identities = own or _identities(settings)
    jumps = _jumps(settings)
    if endpoint.gateway is not None or not (jumps or "proxycommand" in settings):
        return Way(identities, endpoint.gateway)
    if jumps:
        return Way(identities, _gateway(endpoint, jumps))
    return Way(identities, None, settings["proxycommand"])


def _gateway(endpoint: Endpoint, jumps: list[str], depth: int = 0) -> Endpoint | None:
    """Return the last of the jumps, reached through those before it."""
    if depth > _DEEPEST:
        raise OpsError(f"{endpoint.ssh_config}: ProxyJump goes round in circles")
    *before, last = jumps
    user, _, place = last.removeprefix("ssh://").rpartition("@")
    alias, _, port = place.partition(":") if not place.startswith("[") else _bracketed(place)
    config = endpoint.ssh_config
    settings = _lookup(config, alias) if config is not None else {}
    address = settings.get("hostname", alias)
    number = _port(port or settings.get("port", "22"), f"{config}: ProxyJump {last}")
    plain = address if number == 22 else f"[{address}]:{number}"
    further = before or [jump for jump in _jumps(settings) if jump not in (alias, last)]
    return Endpoint(
        settings.get("hostkeyalias", plain),
        address,
        user or settings.get("user", endpoint.user),
        endpoint.known_hosts,
        port=number,
        identity=next(iter(_identities(settings)), endpoint.identity),
        gateway=_gateway(endpoint, further, depth + 1) if further else None,
        connect_timeout=endpoint.connect_timeout,
    )


def _fixed(endpoint: Endpoint) -> str:
    """Return what the inventory says, as the settings that come first and therefore win."""
    return f"Host *\nHostName {endpoint.address}\nPort {endpoint.port}\nUser {endpoint.user}\n"


def _lookup(file: Path, name: str, first: str = "") -> dict[str, str]:
    try:
        text = first + file.read_text("utf-8", "surrogateescape")
        return dict(paramiko.SSHConfig.from_text(text).lookup(name))
    except OSError as error:
        raise OpsError(f"{file}: {error.strerror}") from error
    except (paramiko.SSHException, ValueError) as error:
        raise OpsError(f"{file}: {error}") from error


def _identities(settings: dict[str, str]) -> tuple[Path, ...]:
    files = map(Path, settings.get("identityfile", ()))
    return tuple(file for file in files if file.exists())


def _jumps(settings: dict[str, str]) -> list[str]:
    named = settings.get("proxyjump") or "none"
    return [] if named.lower() == "none" else [jump.strip() for jump in named.split(",")]


def _port(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise OpsError(f"{where}: {text!r} is no port", "write it as USER@HOST:PORT")
    return int(text)


def _bracketed(place: str) -> tuple[str, str, str]:
    address, _, port = place[1:].partition("]")
    return address, "", port.lstrip(":")
