"""The archives of a component: how they are reached, which there are, and how they are removed.

Hosts add and read; only the controller removes, with credentials of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ops.backup import restic
from ops.backup.restic import Archived, Way
from ops.errors import OpsError
from ops.inventory.schema import Archive
from ops.remote.command import Secret
from ops.remote.local import LocalHost

if TYPE_CHECKING:
    from ops.inventory.repository import Repository
    from ops.remote.host import Host

LONG = 7 * 86400.0
SHORT = 900.0


def way(repo: Repository, archive: Archive, environ: Mapping[str, str] = os.environ) -> Way:
    """Return how the hosts reach the repository: to add and to read. Raise Refused."""
    keys = _keys(repo, archive.access_key, archive.secret_key, environ)
    return Way(archive.repository, Secret(repo.secret(archive.password, environ)), keys)


def keeper(repo: Repository, archive: Archive, environ: Mapping[str, str] = os.environ) -> Way:
    """Return how the controller reaches it to remove. Raise OpsError where that is not declared."""
    pruning = archive.prune
    if pruning is None:
        raise OpsError(
            f"{archive.repository}: nobody may remove from it",
            "Declare backup.archive.prune: other credentials than the host's.",
        )
    keys = _keys(repo, pruning.access_key, pruning.secret_key, environ)
    cache = repo.var / "cache" / "restic"
    where = pruning.repository or archive.repository
    return Way(where, Secret(repo.secret(archive.password, environ)), keys, False, str(cache))


def listed(repo: Repository, name: str, host: Host | None = None) -> list[Archived]:
    """Return a component's archives, oldest first, as the controller (or `host`) sees them."""
    archive = declared(repo, name)
    used = way(repo, archive) if host else keeper(repo, archive)
    asked = restic.listing(used)
    result = (host or LocalHost()).run(asked, check=False, timeout=SHORT)
    found = restic.snapshots(restic.checked(result, used.repository).out)
    return [one for one in found if _component(one) == name]


def forget(repo: Repository, name: str, ids: list[str]) -> None:
    """Remove archives and what only they hold, from the controller. Raise OpsError."""
    if not ids:
        return
    used = keeper(repo, declared(repo, name))
    host = LocalHost()
    host.run(used.command("unlock"), check=False, timeout=SHORT)
    asked = used.command("forget", "--prune", "--", *ids)
    restic.checked(host.run(asked, check=False, timeout=LONG), used.repository)


def declared(repo: Repository, name: str) -> Archive:
    """Return what a component declares. Raise OpsError when it declares no archive."""
    policy = repo.component(name).backup
    if policy is None or policy.archive is None:
        raise OpsError(
            f"{name} declares no archive", f"See backup.archive in components/{name}.yaml."
        )
    return policy.archive


def _component(one: Archived) -> str:
    """Return the component that a run's id names."""
    return one.run.split("_")[2] if one.run.count("_") >= 3 else ""


def _keys(
    repo: Repository, access: str | None, secret: str | None, environ: Mapping[str, str]
) -> tuple[Secret, Secret] | None:
    if access is None or secret is None:
        return None
    return Secret(repo.secret(access, environ)), Secret(repo.secret(secret, environ))
