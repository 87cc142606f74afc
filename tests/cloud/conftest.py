"""An instance with data volumes, and what a set of their snapshots is asked by."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ops.cloud import tags, volumes
from ops.cloud.instances import Instance
from ops.cloud.sets import Request


@pytest.fixture
def data(add_volume: Callable[[str], volumes.Volume]) -> tuple[volumes.Volume, ...]:
    """Give two data volumes of the instance."""
    return add_volume("/dev/sdf"), add_volume("/dev/sdg")


@pytest.fixture
def request_(instance: Instance, name: str) -> Request:
    """Return the request for a set of them."""
    return Request(instance.id, f"run-{name}", {tags.COMPONENT: name, tags.LEVEL: "crash"})
