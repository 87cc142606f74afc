"""What this machine can do for a lab: real hosts, or one sshd each on a loopback address."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ops.errors import Refused
from ops.lab import cgroups
from ops.lab.programs import attempt
from ops.lab.record import Kind

FULL = [
    "mmdebstrap", "systemd-nspawn", "systemctl", "ip", "nsenter", "losetup", "gcc", "git",
    "dpkg-deb", "ssh-keygen",
]  # fmt: skip
"""Programs of a full lab."""

LIGHT = ["sshd", "git", "ssh-keygen"]
"""Programs of a light lab."""

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
"""Where they are looked for: an ordinary person's PATH lacks the last."""


def program(name: str) -> str | None:
    """Return a program's absolute path, or None."""
    return shutil.which(name, path=PATH)


def lacking_for_light() -> str:
    """Return what a light lab lacks here, or ""."""
    return _programs(LIGHT)


def lacking_for_full() -> str:
    """Return the first thing that a full lab lacks here, or "". Takes some 20 ms."""
    if not rootly():
        return "neither root nor sudo without a password"
    if lacks := _programs(FULL):
        return lacks
    for what, there in {
        "network namespaces": _as_root("unshare", "--net", "--mount", "true"),
        "loop devices": Path("/dev/loop-control").exists(),
        "TUN devices": Path("/dev/net/tun").exists(),
        "overlayfs": "overlay" in Path("/proc/filesystems").read_text()
        or _as_root("modprobe", "overlay"),
        "control groups to write to": any(
            _as_root("test", "-w", str(group)) for group in cgroups.hierarchies()
        ),
    }.items():
        if not there:
            return f"no {what}"
    return ""


def rootly() -> bool:
    """Return whether this account is root, or becomes it by sudo without a password."""
    return os.geteuid() == 0 or (program("sudo") is not None and attempt("sudo", "-n", "true"))


def as_root(argv: list[str]) -> list[str]:
    """Return the argv that runs a program as root."""
    return argv if os.geteuid() == 0 else ["sudo", "-n", "--", *argv]


def chosen(mode: str, wanted: str) -> Kind:
    """Return the lab's kind, `full` or `light`, for a mode of full, light or auto.

    `wanted` is OPS_LAB: `full` makes auto full. Raise Refused when what was asked for can't
    be had here; auto takes what can be had.
    """
    mode = "full" if mode == "auto" and wanted == "full" else mode
    lacks = "" if mode == "light" else lacking_for_full()
    if mode == "light" or (mode == "auto" and lacks):
        if missing := lacking_for_light():
            raise Refused(f"this machine can't run a lab: {missing}", "run `make lab`")
        return "light"
    if lacks:
        raise Refused(f"this machine can't run a full lab: {lacks}", "run `make lab`")
    return "full"


def _programs(names: list[str]) -> str:
    missing = [name for name in names if program(name) is None]
    return f"no {', '.join(missing)}" if missing else ""


def _as_root(*argv: str) -> bool:
    return attempt(*as_root(list(argv)))
