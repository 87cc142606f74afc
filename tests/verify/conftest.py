"""Scans of this machine, without root."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ops.remote.local import LocalHost
from ops.verify import manifest
from ops.verify.scan import Scan, scan
from ops.verify.tree import Tree

Scanned = Callable[[Path], Scan]


@pytest.fixture
def scanned(tmp_path: Path) -> Callable[..., Scan]:
    """Return a function that scans a folder and writes its manifest beside it as NAME.md5."""

    def work(root: Path, **tree: object) -> Scan:
        found = scan(LocalHost(), Tree(str(root), as_root=False, **tree))  # type: ignore[arg-type]
        manifest.write(tmp_path / f"{root.name}.md5", found.draft, found.digests)
        return found

    return work
