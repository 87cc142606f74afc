"""How hosts and AWS are reached, by what the inventory says of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ops.errors import OpsError
from ops.inventory import files, references
from ops.inventory.schema import CampusHost, Login
from ops.remote.endpoint import Endpoint

if TYPE_CHECKING:
    from ops.cloud.session import Cloud
    from ops.inventory.repository import Repository
    from ops.remote.host import Host

Side = Literal["campus", "cloud"]


def endpoint(
    repo: Repository, component: str, side: Side, slot: str = "main", *, address: str = ""
) -> Endpoint:
    """Return how to reach a component's host. Raise OpsError when there is none in that slot.

    `address` stands for what is recorded, when AWS has just told a newer one.
    """
    ssh = repo.site().ssh
    login = ssh.campus if side == "campus" else ssh.cloud
    host = _campus(repo, component, slot) if side == "campus" else None
    address = address or (host.address if host else _cloud_address(repo, component, slot))
    return Endpoint(
        key_name=f"{component}.{side}.{slot}",
        address=address,
        user=(host.user if host else None) or login.user,
        port=(host.port if host else None) or login.port,
        become=login.become,
        identity=_identity(repo, login),
        known_hosts=repo.known_hosts,
        gateway=_gateway(repo, host.gateway, login) if host and host.gateway else None,
        ssh_config=repo.path / files.expanded(ssh.ssh_config) if ssh.ssh_config else None,
        connect_timeout=ssh.connect_timeout,
    )


def host(repo: Repository, component: str, side: Side, slot: str = "main") -> Host:
    """Return a connection to a component's host; close it when done."""
    from ops.remote.connection import connect  # paramiko takes long to import

    return connect(endpoint(repo, component, side, slot))


def cloud(repo: Repository, environ: Mapping[str, str] = os.environ, *, region: str = "") -> Cloud:
    """Return the session with the account that site.yaml names, in its region or in `region`.

    Credentials are looked up here, by reference. Raise Refused when one is missing.
    """
    from ops.cloud.session import Cloud  # boto3 takes long to import

    declared = repo.site().cloud
    access, secret = declared.credentials.access_key, declared.credentials.secret_key
    return Cloud(
        region=region or declared.region,
        endpoint=declared.endpoint,
        profile=declared.credentials.profile,
        access_key=repo.secret(access, environ) if access else None,
        secret_key=repo.secret(secret, environ) if secret else None,
    )


def _campus(repo: Repository, component: str, slot: str) -> CampusHost:
    source = repo.component(component).source
    if source is None or slot not in source.hosts:
        raise OpsError(
            f"{component} has no campus host {slot}",
            f"Declare it in components/{component}.yaml under source.hosts.",
        )
    return source.hosts[slot]


def _cloud_address(repo: Repository, component: str, slot: str) -> str:
    instance = repo.state(component).instances.get(slot)
    public = repo.site().cloud.address == "public"
    address = (instance.public_address if public else instance.private_address) if instance else ""
    if not address:
        raise OpsError(
            f"{component} has no instance {slot} with a known address",
            f"Make it with `fab provision app={component}`.",
        )
    return address


def _identity(repo: Repository, login: Login) -> Path | None:
    return references.private_file(login.identity, repo.path) if login.identity else None


def _gateway(repo: Repository, name: str, login: Login) -> Endpoint:
    ssh = repo.site().ssh
    gateway = ssh.gateways[name]
    return Endpoint(
        key_name=f"gateway.{name}",
        address=gateway.address,
        user=gateway.user,
        port=gateway.port,
        identity=_identity(repo, login),
        known_hosts=repo.known_hosts,
        connect_timeout=ssh.connect_timeout,
    )
