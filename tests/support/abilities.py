"""What this machine can do for tests with real hosts."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

PROGRAMS = ("mmdebstrap", "systemd-nspawn", "sshd", "ssh", "rsync", "ip", "losetup", "gcc")


@cache
def missing_for_lab() -> str:
    """Return the first thing that the full lab needs and this machine lacks, or ""."""
    if os.geteuid() != 0:
        return "not root"
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    for program in PROGRAMS:
        if not shutil.which(program, path=path):
            return f"no {program}, `make lab` installs it"
    for what, words in {
        "network namespaces": ["unshare", "--net", "true"],
        "mount namespaces": ["unshare", "--mount", "true"],
        "loop devices": ["losetup", "--find"],
    }.items():
        if subprocess.run(words, capture_output=True, check=False).returncode:
            return f"no {what}"
    return ""
