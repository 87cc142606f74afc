"""Manifests of any folder and their comparison, with or without an inventory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ops.errors import OpsError, Refused, UsageError
from ops.escapes import escape
from ops.remote.host import Host
from ops.remote.local import LocalHost
from ops.verify import manifest

if TYPE_CHECKING:
    from ops import run
    from ops.inventory.repository import Repository
    from ops.verify.scan import Load, Scan
    from ops.verify.sides import Side


_PLACE = re.compile(r"(?:\[(?P<bare>[^][]+)\]|(?P<name>[^][:]+))(?::(?P<port>\d+))?")
_CONFIGURED = re.compile(r"^[\s{]*[\"']?inventory\b", re.M)


def may_be_configured(environ: Mapping[str, str], project: Path) -> bool:
    """Return whether it is worth the time to look for an inventory; the sample is none."""
    if named := environ.get("OPS_INVENTORY"):
        return (Path(named).expanduser() / "site.yaml").is_file()
    places = [project / "fabric.yaml", Path(environ.get("HOME", "/")) / ".fabric.yaml"]
    return any(
        path.is_file() and _CONFIGURED.search(path.read_text("utf-8", "replace"))
        for path in (*places, Path("/etc/fabric.yaml"))
    )


@contextmanager
def host(name: str, repo: Repository | None, environ: Mapping[str, str]) -> Iterator[Host]:
    """Give the host called `name`: this machine without one, else a host of the inventory
    (`wiki.cloud.main`), else `[USER@]HOST[:PORT]` with the keys of the account itself.

    The host key must be known: to the inventory, or to the account's known_hosts.
    """
    if not name:
        yield LocalHost()
        return
    from ops import run
    from ops.remote.connection import connect  # paramiko takes long to import
    from ops.remote.endpoint import Endpoint

    if repo and (named := _named(name, repo)):
        endpoint = run.endpoint(repo, *named)
    else:
        user, address, port = place(name)
        endpoint = Endpoint(
            key_name=f"[{address}]:{port}" if port != 22 else address,
            address=address,
            user=user or environ.get("USER") or environ.get("LOGNAME") or "root",
            port=port,
            known_hosts=Path(environ.get("HOME", "/root")) / ".ssh" / "known_hosts",
        )
    with connect(endpoint) as connected:
        yield connected


def _named(name: str, repo: Repository) -> tuple[str, run.Side, str] | None:
    """Return component, side and slot of a name like `wiki.cloud.main`, None for any other."""
    component, _, rest = name.partition(".")
    side, _, slot = rest.partition(".")
    if not slot or "." in slot or component not in repo.names():
        return None
    if side == "campus":
        return component, "campus", slot
    return (component, "cloud", slot) if side == "cloud" else None


def allowed(name: str, repo: Repository | None) -> Load | None:
    """Return how much of a host a scan may take, None where nobody says so."""
    if not repo or not (named := _named(name, repo)):
        return None
    from ops.verify import filesets  # the inventory's schema takes long to import

    component, side, slot = named
    where: Side = "source" if side == "campus" else "target"
    return filesets.declared_load(repo.component(component), where, slot)


def remembered(name: str, repo: Repository | None, host: Host, root: str) -> str:
    """Return the place that the memory of a scan is true for, down to the volumes of an instance.

    A successor, or a volume from a snapshot, has the same name and maybe the same numbers.
    """
    words = [host.name, root]
    if repo and (named := _named(name, repo)) and named[1] == "cloud":
        from ops.verify import filesets

        words += filesets.behind(repo.state(named[0]), named[2])
    return " ".join(words)


def place(name: str) -> tuple[str, str, int]:
    """Return user (or nothing), address and port of `[USER@]HOST[:PORT]`. Raise UsageError."""
    user, _, rest = name.rpartition("@")
    found = _PLACE.fullmatch(rest)
    if found is None:
        hint = "Write host=[USER@]HOST[:PORT]; IPv6 as [ADDRESS]:PORT."
        raise UsageError(f"{name} is no host", hint)
    return user, found["bare"] or found["name"], int(found["port"] or 22)


@contextmanager
def recorded(
    repo: Repository | None, task: str, arguments: Mapping[str, object]
) -> Iterator[run.Run | None]:
    """Give a run to record in, or None where there is no inventory that may be written."""
    try:
        if repo is None:
            raise Refused("no inventory")
        repo.writable()
    except Refused:
        yield None
        return
    from ops import run

    with run.begin(repo, task, None, arguments) as course:
        yield course


def checked(root: str, host: str = "") -> str:
    """Return the absolute path of a root. Raise UsageError when it is empty, or not that there."""
    if not root:
        raise UsageError("root= is empty", "Name the folder: root=/srv/wiki")
    if host and not root.startswith("/"):
        raise UsageError(f"root={root} is no absolute path", f"Name it as it is on {host}: root=/")
    return str(Path(root).absolute()) if not root.startswith("/") else root


def writable(out: str, root: str, host: str) -> Path:
    """Return the path of the manifest to write. Raise UsageError when it can't be there."""
    path = Path(out)
    if not out or path.is_dir():
        raise UsageError(f"out={out} names no file", "Name the manifest: out=/var/tmp/wiki.md5")
    if not host and path.resolve().is_relative_to(Path(root).resolve()):
        raise UsageError(
            f"out={out} lies below the root, and would list itself",
            "Put the manifest somewhere else: out=/var/tmp/wiki.md5",
        )
    return path


def manifest_of(path: str) -> Path:
    """Return the path of an existing manifest. Raise OpsError when there is none."""
    found = Path(path)
    if not found.is_file():
        raise OpsError(f"there is no manifest {path}", "Make one: fab verify.manifest root= out=")
    return found


def digests(*manifests: Path) -> dict[str, str]:
    """Return the SHA-256 of manifests and what metadata lies beside them, by absolute path."""
    pairs = [(path, manifest.beside(path, manifest.MTREE)) for path in manifests]
    there = [path.absolute() for pair in pairs for path in pair if path.is_file()]
    return {escape(str(path)): sha256(path) for path in there}


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def outcome(found: Scan) -> Literal["done", "different", "incomplete"]:
    """Return what a scan alone amounts to; silent corruption is a difference."""
    if found.corrupted:
        return "different"
    return "incomplete" if found.faults else "done"
