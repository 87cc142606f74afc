"""A place to copy from or to, as a person names it: HOST:PATH."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops import known_hosts, run
from ops.errors import UsageError
from ops.inventory import files
from ops.inventory.repository import Repository
from ops.remote.endpoint import Endpoint
from ops.remote.errors import HostKeyRefused


@dataclass(frozen=True)
class Place:
    """A folder on a host, and how that is reached; `key` is its host key, `TYPE BASE64`."""

    name: str
    path: str
    endpoint: Endpoint
    key: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.path}"


def place(repo: Repository, text: str, environ: Mapping[str, str]) -> Place:
    """Return the place that `wiki.cloud.main:/srv/wiki`, or `HOST:/PATH`, names.

    A host that is none of the inventory's is looked up as `ssh` does, in the inventory's
    ssh_config or the account's own, and its key in the account's known_hosts. Raise UsageError
    for what names no place, HostKeyRefused when the host's key is not known.
    """
    name, path = split(text)
    parts = name.split(".")
    if len(parts) == 3 and parts[0] in repo.names() and parts[1] in ("campus", "cloud"):
        side: run.Side = "campus" if parts[1] == "campus" else "cloud"
        endpoint = run.endpoint(repo, parts[0], side, parts[2])
    else:
        endpoint = _configured(repo, name, environ)
    pinned = known_hosts.find(_text(endpoint.known_hosts), endpoint.key_name)
    if not pinned:
        raise HostKeyRefused(
            f"no host key is known for {endpoint.where}",
            f"Compare its fingerprint with the host's, then put it into {endpoint.known_hosts}.",
        )
    best = next((key for key in pinned if key.kind == "ssh-ed25519"), pinned[0])
    return Place(name, path, endpoint, str(best))


def split(text: str) -> tuple[str, str]:
    """Return host and path of HOST:PATH; the path is absolute. Raise UsageError."""
    name, colon, path = text.rpartition(":/")
    if not colon or not name or name.startswith("-"):
        raise UsageError(
            f"{text!r} is no HOST:PATH with an absolute path",
            "Write source=wiki.campus.main:/srv/wiki, or HOST:/PATH as ssh knows the host.",
        )
    return name, "/" + path.strip("/")


def resolved(told: str) -> dict[str, str]:
    """Return what `ssh -G` told, the first value of each word."""
    found: dict[str, str] = {}
    for line in told.splitlines():
        word, _, value = line.partition(" ")
        found.setdefault(word, value)
    return found


def _configured(repo: Repository, name: str, environ: Mapping[str, str]) -> Endpoint:
    declared = repo.site().ssh.ssh_config
    home = Path(environ.get("HOME", "/root"))
    file = repo.path / files.expanded(declared) if declared else home / ".ssh/config"
    words = ["ssh", "-G", *(["-F", str(file)] if file.is_file() else ["-F", "none"]), "--", name]
    asked = subprocess.run(words, capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        raise UsageError(f"ssh knows no host {name!r}: {asked.stderr.strip()}")
    told = resolved(asked.stdout)
    address, port = told["hostname"], int(told["port"])
    alias = told.get("hostkeyalias", "none")
    key_name = address if port == 22 else f"[{address}]:{port}"
    return Endpoint(
        key_name=key_name if alias == "none" else alias,
        address=address,
        user=told["user"],
        port=port,
        known_hosts=Path(told["userknownhostsfile"].split()[0]).expanduser(),
        identity=_identity(asked.stdout),
        ssh_config=file if file.is_file() else None,
    )


def _identity(told: str) -> Path | None:
    """Return the first key file named that is there; without one the agent is asked."""
    named = (
        line.partition(" ")[2] for line in told.splitlines() if line.startswith("identityfile ")
    )
    paths = (Path(each).expanduser() for each in named)
    return next((path for path in paths if path.is_file()), None)


def _text(file: Path) -> str:
    return file.read_text("utf-8", "replace") if file.is_file() else ""
