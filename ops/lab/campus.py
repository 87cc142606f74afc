"""The campus of a full lab: hosts that were there before, with their content and accounts."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ops.lab import content, planting, wiki
from ops.lab import network as networks
from ops.lab.hosts import Host, always
from ops.lab.image import Image
from ops.lab.network import Network
from ops.lab.planting import Planted
from ops.lab.programs import call
from ops.lab.record import CampusHost, Lab

USER = "ops"
"""The account on campus hosts: key log-in, sudo without a password."""

DOCUMENTS = "srv/documents"

BOOT_SECONDS = 300

NGINX_SITE = Path(__file__).with_name("nginx-wiki.conf")


@dataclass(frozen=True)
class Plot:
    """Where a campus host is, and whether it has the wiki's packages."""

    name: str
    last: int
    wiki: bool = False


PLOTS = [Plot("wiki", 10, wiki=True), Plot("documents", 11)]


def settle(lab: Lab, network: Network, image: Image) -> dict[str, CampusHost]:
    """Make the campus hosts with their content, boot them, and return them once they answer."""
    public_key = lab.login.with_suffix(".pub").read_text()
    with ThreadPoolExecutor(len(PLOTS)) as pool:
        made = pool.map(lambda plot: _settle(plot, lab, network, image, public_key), PLOTS)
        return dict(zip((plot.name for plot in PLOTS), made, strict=True))


def php_version(image: Image) -> str:
    """Return the version of the image's PHP, as in the name of its service: `8.2`."""
    names = [path.name for path in image.packages.glob("php*-fpm_*.deb")]
    return next(match[1] for name in names if (match := re.match(r"php([0-9.]+)-fpm_", name)))


def _settle(plot: Plot, lab: Lab, network: Network, image: Image, public_key: str) -> CampusHost:
    namespace = networks.add_host(network, plot.name, "campus", plot.last)
    layers = [image.wiki, image.base] if plot.wiki else [image.base]
    folder = lab.path / "hosts" / plot.name
    host = Host(lab.id, plot.name, folder, layers, image.packages, namespace)
    host.prepare()
    host_key = _move_in(host, public_key)
    planted = _wiki(host, lab) if plot.wiki else _documents(host, lab)
    host.boot()
    address = network.address(plot.last)
    host.wait_ready(address, always, BOOT_SECONDS)
    return CampusHost(address, host_key, planted.files, planted.bytes)


def _move_in(host: Host, public_key: str) -> str:
    """Give the host its name, account and key; return its public host key."""
    call("chroot", str(host.root), "useradd", "--create-home", "--shell", "/bin/bash", USER)
    home = f"home/{USER}/.ssh"
    host.write(f"{home}/authorized_keys", public_key.encode(), 0o600)
    (host.root / home).chmod(0o700)
    call("chroot", str(host.root), "chown", "-R", f"{USER}:", f"/{home}")
    host.write(f"etc/sudoers.d/{USER}", f"{USER} ALL=(ALL) NOPASSWD:ALL\n".encode(), 0o440)
    host.write("etc/hostname", f"{host.name}\n".encode())
    host.write("etc/cloud/cloud-init.disabled", b"")
    key = host.root / "etc/ssh/ssh_host_ed25519_key"
    call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", str(key))
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def _documents(host: Host, lab: Lab) -> Planted:
    root = host.root / DOCUMENTS
    return planting.plant(root, content.documents(lab.seed, lab.files, lab.largest_mb))


def _wiki(host: Host, lab: Lab) -> Planted:
    """Put the pages where Debian's DokuWiki has them, and let nginx show it as the whole site."""
    root = host.root / wiki.ROOT.lstrip("/")
    owner = (host.root / wiki.ACCOUNTS.lstrip("/")).stat().st_uid
    planted = planting.plant(root, wiki.pages(lab.seed, lab.pages, owner))
    host.write(wiki.NGINX_SITE.lstrip("/"), NGINX_SITE.read_bytes())
    return planted
