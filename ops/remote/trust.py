"""Whether a host is the one that was pinned: paramiko's question, answered from known_hosts."""

from __future__ import annotations

from pathlib import Path

import paramiko

from ops import known_hosts
from ops.known_hosts import PublicKey
from ops.remote.endpoint import Endpoint
from ops.remote.errors import HostKeyRefused

_RSA = ("rsa-sha2-512", "rsa-sha2-256")


class PinnedPolicy(paramiko.MissingHostKeyPolicy):
    """Let in the host whose key is pinned under the endpoint's key name; refuse all others.

    The client gets no host keys of its own, so paramiko asks here for every host, whatever its
    address and port are today.
    """

    def __init__(self, endpoint: Endpoint, text: str) -> None:
        self._endpoint = endpoint
        self._text = text

    def missing_host_key(
        self,
        client: paramiko.SSHClient,  # noqa: ARG002 - paramiko's signature
        hostname: str,  # noqa: ARG002 - paramiko's signature
        key: paramiko.PKey,
    ) -> None:
        offered = PublicKey(key.get_name(), key.asbytes())
        verdict = known_hosts.judge(self._text, self._endpoint.key_name, offered)
        if verdict != "trusted":
            raise refusal(self._endpoint, self._text, verdict, offered)


def pinned_text(endpoint: Endpoint) -> str:
    """Return the text of the endpoint's known_hosts file; a missing file pins nothing."""
    return _text(endpoint.known_hosts)


def key_types(text: str, key_name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the host key types to ask for: those that are pinned first."""
    pinned = [key.kind for key in known_hosts.find(text, key_name)]
    wanted = [name for kind in pinned for name in (_RSA if kind == "ssh-rsa" else (kind,))]
    first = [name for name in dict.fromkeys(wanted) if name in known]
    return (*first, *(name for name in known if name not in first))


def refusal(
    endpoint: Endpoint, text: str, verdict: known_hosts.Verdict, offered: PublicKey
) -> HostKeyRefused:
    """Return the error that says which host, which key was expected, which came, what to do."""
    name, file = endpoint.key_name, endpoint.known_hosts
    came = f"{offered.kind} {offered.fingerprint}"
    if verdict == "unknown":
        return HostKeyRefused(
            f"{endpoint.where}: no key is pinned for {name} in {file}; offered: {came}",
            f"compare it on the host's console, then pin it by the line: {name} {offered}",
        )
    if verdict == "revoked":
        return HostKeyRefused(
            f"{endpoint.where}: the host offers a key that is revoked in {file}: {came}",
            "give the host a new key on its console and pin that one",
        )
    expected = ", ".join(f"{k.kind} {k.fingerprint}" for k in known_hosts.find(text, name))
    return HostKeyRefused(
        f"{endpoint.where}: wrong host key; expected {expected}; offered {came}",
        "somebody else may be answering there. If the host was rebuilt on purpose, compare the "
        f"key on its console and pin the new one for {name} in {file}",
    )


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
