"""Labs that tests share: one full and one light for a whole test run, taken down at its end."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.lab import abilities, lab, traces
from ops.lab.record import Lab, Ready
from tests.support import labs

SMALL = lab.Wanted(files=300, pages=24, largest_mb=2.0)
"""Content that is there in a second, with every hostile name all the same."""


@pytest.fixture(scope="session")
def full_lab() -> Iterator[Lab]:
    """Return a full lab: wiki and documents on campus, AWS, the reference link."""
    yield from _lab("full")


@pytest.fixture(scope="session")
def light_lab() -> Iterator[Lab]:
    """Return a light lab; it needs no root."""
    if lacks := abilities.lacking_for_light():
        pytest.skip(f"no light lab here: {lacks}")
    yield from _lab("light")


@pytest.fixture(scope="session")
def ready(full_lab: Lab) -> Ready:
    """Return what the full lab is reached by."""
    return labs.reached(full_lab)


@pytest.fixture
def make_mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Make a file system of its own, mounted on a folder; all are thawed and gone afterwards."""
    made: list[Path] = []

    def make(kind: str = "ext4") -> Path:
        folder = tmp_path / f"mount-{len(made)}"
        folder.mkdir()
        if kind == "tmpfs":
            words = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
        else:
            disk = tmp_path / f"disk-{len(made)}"
            with disk.open("wb") as file:
                file.truncate(16_000_000)
            subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
            words = ["mount", "-o", "loop", str(disk), str(folder)]
        subprocess.run(words, check=True)
        made.append(folder)
        return folder

    try:
        yield make
    finally:
        for folder in made:
            subprocess.run(["fsfreeze", "-u", str(folder)], check=False, capture_output=True)
            subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def mount(make_mount: Callable[[str], Path]) -> Path:
    return make_mount("ext4")


def _lab(mode: str) -> Iterator[Lab]:
    with tempfile.TemporaryDirectory(prefix="ops-lab-") as folder:
        made = lab.up(Path(folder) / "lab", mode, SMALL)
        try:
            yield made
        finally:
            lab.down(made.path)
        assert traces.found(made) == []
