"""An inventory of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.inventory.repository import Repository
from tests.support.inventories import new_inventory


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return new_inventory(tmp_path / "inventory")
