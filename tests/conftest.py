"""What all tests share: how many examples, and what becomes of tests that need more than Python."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.support.abilities import missing_for_lab

settings.register_profile("three", deadline=None, max_examples=50)
settings.register_profile(
    "soak", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("three")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a lab test where the machine lacks an ability; with OPS_LAB=full fail it."""
    if item.get_closest_marker("lab") is None:
        return
    if missing := missing_for_lab():
        reason = f"no full lab here: {missing}"
        if os.environ.get("OPS_LAB") == "full":
            pytest.fail(f"{reason}; OPS_LAB=full wants it", pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def seeds(request: pytest.FixtureRequest) -> range:
    """Return the seeds of a fault test: three, or with `-m soak` many."""
    return range(100 if request.config.option.markexpr == "soak" else 3)
