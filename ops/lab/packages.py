"""A folder of Debian packages that apt takes as a repository, for hosts without a way out."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ops.lab.programs import call

SEEN_AT = Path("/var/lib/ops-lab/packages")
"""Where every host of the lab sees the folder."""

SOURCES = f"deb [trusted=yes] file:{SEEN_AT} ./\n"
"""The hosts' sources.list."""


def index(folder: Path) -> None:
    """Write the folder's index (`Packages`), from the packages' own control files."""
    entries = [_entry(package) for package in sorted(folder.glob("*.deb"))]
    (folder / "Packages").write_text("\n".join(entries))


def _entry(package: Path) -> str:
    control = call("dpkg-deb", "--field", str(package)).decode()
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    size = package.stat().st_size
    return f"{control.rstrip()}\nFilename: ./{package.name}\nSize: {size}\nSHA256: {digest}\n"
