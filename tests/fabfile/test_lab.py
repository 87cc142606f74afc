"""`fab lab.*`, as a person runs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ops.lab import abilities
from tests.support.fabric_tree import FAB, PROJECT


def fab(*words: str) -> subprocess.CompletedProcess[str]:
    """Run fab without an inventory."""
    environ = {name: value for name, value in os.environ.items() if name != "OPS_INVENTORY"}
    return subprocess.run(
        [FAB, *words], cwd=PROJECT, env=environ, capture_output=True, text=True, check=False
    )


def test_no_lab_is_told_with_what_to_do(tmp_path: Path) -> None:
    done = fab("lab.status", f"dir={tmp_path}")
    assert done.returncode == 1
    assert "fab lab.up" in done.stderr


def test_the_last_line_selects_the_inventory(tmp_path: Path) -> None:
    if lacks := abilities.lacking_for_light():
        pytest.skip(f"no light lab here: {lacks}")
    place = f"dir={tmp_path / 'lab'}"
    try:
        done = fab("lab.up", place, "mode=light", "files=1", "pages=1", "largest-mb=1")
        assert done.stdout == f"export OPS_INVENTORY={tmp_path}/lab/inventory\n"
        assert fab("lab.status", place).returncode == 0
        assert fab("lab.up", place, "mode=light").returncode == 3
    finally:
        assert fab("lab.down", place).returncode == 0
    assert list(tmp_path.iterdir()) == []
