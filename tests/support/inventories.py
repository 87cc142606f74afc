"""Inventories for tests: copies of one that was made from the sample, as a person makes one."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from ops.inventory.creation import create
from ops.inventory.repository import Repository

PROJECT = Path(__file__).resolve().parents[2]
SAMPLE = PROJECT / "inventory"


def new_inventory(path: Path) -> Repository:
    """Return an inventory at `path` as `inventory.init` makes it."""
    shutil.copytree(_made().name, path, symlinks=True)
    return Repository(path, PROJECT)


@cache
def _made() -> tempfile.TemporaryDirectory[str]:
    """Make one inventory for all tests of this process; it goes when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="ops-inventory-")
    atexit.register(folder.cleanup)
    create(SAMPLE, Path(folder.name), PROJECT)
    return folder


def edit(repo: Repository, name: str, old: str, new: str, *, commit: bool = True) -> None:
    """Change a file of the inventory as a person with an editor would."""
    path = repo.path / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    if commit:
        repo.git.run("add", name)
        repo.git.run("-c", "user.name=p", "-c", "user.email=p@x", "commit", "-qm", "edit")
