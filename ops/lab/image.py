"""The Debian root that every host of the lab starts from: made once, kept in a cache.

Two layers: `base` is what an EC2 image holds; `wiki` adds the campus wiki's packages, as an
administrator would have installed them. The third folder, `packages`, holds the .deb files.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.lab import cgroups, mounts, packages
from ops.lab.programs import attempt, call

BASE = """
    acl attr ca-certificates cloud-init cron curl dbus e2fsprogs fdisk iproute2
    iputils-ping libnss-myhostname lsof openssh-server procps psmisc python3 rclone restic rsync
    sudo systemd-sysv util-linux xfsprogs
""".split()  # noqa: SIM905 - thirty names read better without their quotes
"""Packages of the base layer."""

WIKI = ["nginx", "php-fpm", "php-xml", "dokuwiki"]
"""Packages of the wiki, in the order that lets apt choose php-fpm and no second web server."""

MORE = ["nftables", "postgresql", "mariadb-server"]
"""Packages that only lie in the folder, for components that declare them."""

CLOUD_INIT = """\
# The lab's hosts get their user data from a seed in the file system.
datasource_list: [ NoCloud, None ]
network: {config: disabled}
locale: C.UTF-8
system_info: {default_user: {name: admin}}
"""

SSHD = "PermitRootLogin no\nPasswordAuthentication no\n"

DPKG = "force-unsafe-io\npath-exclude /usr/share/man/*\npath-exclude /usr/share/doc/*\n"

VOLUMES_UNIT = """\
[Unit]
Description=Mount the volumes of /etc/fstab, as a machine with udev does
DefaultDependencies=no
After=local-fs-pre.target systemd-tmpfiles-setup-dev.service
Before=local-fs.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-/bin/mount --all --types ext4,xfs

[Install]
WantedBy=local-fs.target
"""
"""systemd leaves device mounts to the container's maker; an EC2 instance mounts them."""

TEXTS = {
    "etc/machine-id": "",
    "etc/hostname": "localhost\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/resolv.conf": "",
    "etc/fstab": "",
    "etc/apt/sources.list": packages.SOURCES,
    "etc/cloud/cloud.cfg.d/90-lab.cfg": CLOUD_INIT,
    "etc/ssh/sshd_config.d/10-lab.conf": SSHD,
    "etc/dpkg/dpkg.cfg.d/lab": DPKG,
    "etc/systemd/system/lab-volumes.service": VOLUMES_UNIT,
}
"""The files that make the root an EC2 image: no identity of its own, no log-in for root."""

NO_START = "#!/bin/sh\nexit 101\n"
"""policy-rc.d: start no service while the layer is made."""


@dataclass(frozen=True)
class Image:
    """The folders that hosts are made of."""

    base: Path
    wiki: Path
    packages: Path


def cache() -> Path:
    """Return the folder of the lab's images: root's, for what a host runs as root."""
    home = Path("/var/cache") if os.geteuid() == 0 else Path.home() / ".cache"
    return home / "ops-lab"


def suite() -> str:
    """Return this machine's Debian or Ubuntu release, which the hosts get too."""
    return platform.freedesktop_os_release()["VERSION_CODENAME"]


def recipe() -> str:
    """Return a digest of all that the image is made from; a change makes a new image."""
    parts = [suite(), platform.machine(), *BASE, *WIKI, *MORE]
    parts += [word for pair in TEXTS.items() for word in pair]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def image(folder: Path | None = None) -> Image:
    """Return the image, made first where the cache does not hold it (about 45 s).

    A second caller waits for the first; half an image is never seen, as it gets its name last.
    """
    folder = folder or cache()
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / recipe()
    with _lock(folder):
        if not done.is_dir():
            making = folder / f"{done.name}.making"
            _clear(making)
            making.mkdir()
            _make(making)
            making.rename(done)
    return Image(done / "base", done / "wiki", done / "packages")


def remove(folder: Path | None = None) -> None:
    """Remove every image from the cache; running labs must be down."""
    folder = folder or cache()
    if folder.is_dir():
        with _lock(folder):
            for old in folder.iterdir():
                if old.is_dir():
                    _clear(old)


def _make(making: Path) -> None:
    base, debs = making / "base", making / "packages"
    debs.mkdir()
    hook = (
        'mkdir -p "$1/debs/partial"; APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get install --yes'
        ' --download-only --no-install-recommends --option Dir::Cache::archives="$1/debs"'
        f' {" ".join([*WIKI, *MORE])} && cp "$1"/debs/*.deb "{debs}" && rm -r "$1/debs"'
    )
    parts = ["--mode=root", "--variant=minbase", f"--include={','.join(BASE)}"]
    call("mmdebstrap", *parts, f"--customize-hook={hook}", suite(), str(base))
    packages.index(debs)
    _contextualize(base)
    _add_wiki(making)


def _contextualize(base: Path) -> None:
    """Make the root what an EC2 image is: see TEXTS; host keys are each host's own."""
    for key in (base / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    for old in (base / "etc/apt/sources.list.d").iterdir():
        old.unlink()
    for path, text in TEXTS.items():
        (base / path).unlink(missing_ok=True)
        (base / path).write_text(text)
    (base / packages.SEEN_AT.relative_to("/")).mkdir(parents=True)
    call("systemctl", f"--root={base}", "enable", "lab-volumes.service")


def _add_wiki(making: Path) -> None:
    """Install the wiki's packages into a layer over the base, from the package folder."""
    root = making / "root"
    for part in ("wiki", "work", "root"):
        (making / part).mkdir()
    options = f"lowerdir={making}/base,upperdir={making}/wiki,workdir={making}/work"
    call("mount", "-t", "overlay", "overlay", "-o", options, str(root))
    try:
        policy = root / "usr/sbin/policy-rc.d"
        policy.write_text(NO_START)
        policy.chmod(0o755)
        names = " ".join(WIKI)
        _inside(
            root,
            making / "packages",
            f"apt-get update && apt-get install --yes --no-install-recommends {names}"
            " && apt-get clean && rm -rf /var/lib/apt/lists/* /var/log/*.log /etc/machine-id"
            " && : >/etc/machine-id",
        )
        policy.unlink()
    finally:
        attempt("umount", str(root))
    shutil.rmtree(making / "work")
    root.rmdir()


def _inside(root: Path, debs: Path, script: str) -> None:
    """Run a script as root in the root, with the package folder and without a network."""
    groups = cgroups.make("image", "layer")
    argv = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--pipe"]
    argv += ["--private-network", "--resolv-conf=off", "--timezone=off", "-D", str(root)]
    argv += [f"--bind-ro={debs}:{packages.SEEN_AT}", "--setenv=DEBIAN_FRONTEND=noninteractive"]
    try:
        call(*cgroups.joining(groups, [*argv, "sh", "-c", script]))
    finally:
        for group in cgroups.of_lab("image"):
            cgroups.remove(group)


def _clear(folder: Path) -> None:
    """Remove an image, or what a crash left of one being made."""
    for mount in reversed(mounts.seen_by("self")):
        if mount.place.startswith(f"{folder}/"):
            call("umount", mount.place)
    if folder.exists():
        shutil.rmtree(folder)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
