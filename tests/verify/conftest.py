"""Scans of this machine, without root."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.remote.local import LocalHost
from ops.verify import manifest
from ops.verify.scan import Scan, scan
from ops.verify.tree import Tree

Scanned = Callable[[Path], Scan]


@pytest.fixture
def scanned(tmp_path: Path) -> Callable[..., Scan]:
    """Return a function that scans a folder and writes its manifest beside it as NAME.md5."""

    def work(root: Path, **tree: Any) -> Scan:
        found = scan(LocalHost(), Tree(str(root), as_root=False, **tree))
        manifest.write(tmp_path / f"{root.name}.md5", found.draft, found.digests)
        return found

    return work


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Path]]:
    """Return a function that gives the temporary folders made on a host by this test's scans.

    Scans of other tests make theirs beside them. A mktemp that notes what it made is first in PATH
    here, and on a server in tmp_path/sshd.
    """
    noted = tmp_path / "rooms"
    noted.touch()
    for folder in (tmp_path / "bin", tmp_path / "sshd/bin"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mktemp").write_text(_MKTEMP.format(noted=noted))
        (folder / "mktemp").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return lambda: [Path(line) for line in noted.read_text().splitlines() if "ops-read" in line]


def none_stays(rooms: list[Path], seconds: float = 60) -> bool:
    """Return whether all of these folders have gone, waiting for it at most so long."""
    until = time.monotonic() + seconds
    while any(room.exists() for room in rooms) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(room.exists() for room in rooms)


_MKTEMP = """\
#!/bin/sh
made=$(/usr/bin/mktemp "$@") || exit
echo "$made" >>{noted}
echo "$made"
"""
