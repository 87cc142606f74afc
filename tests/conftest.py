"""What all tests share: how many examples, and what becomes of tests that need more than Python."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

from tests.support.abilities import missing_for_lab

pytest_plugins = ["tests.support.aws", "tests.support.provisioned"]

BUSY = [HealthCheck.too_slow]
"""Of examples that came slowly the machine may be the cause: nothing is wrong with the test."""

settings.register_profile("three", deadline=None, max_examples=50, suppress_health_check=BUSY)
settings.register_profile("soak", deadline=None, max_examples=1000, suppress_health_check=BUSY)
settings.load_profile("three")


WAITS = "test_outage.py"


def pytest_configure() -> None:
    """End on SIGTERM as on SIGINT, fixtures and all.

    In a shell's background SIGINT is ignored, also by all that the tests start: not so behind this.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a lab test where the machine lacks an ability; with OPS_LAB=full fail it."""
    if item.get_closest_marker("lab") is None:
        return
    if missing := missing_for_lab():
        reason = f"no full lab here: {missing}"
        if os.environ.get("OPS_LAB") == "full":
            pytest.fail(f"{reason}; OPS_LAB=full wants it", pytrace=False)
        pytest.skip(reason)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --soak, for `make soak`."""
    parser.addoption("--soak", action="store_true", help="only the long fault tests, many seeds")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `seed` with three seeds, or with many for --soak."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(100 if metafunc.config.option.soak else 3))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the soak tests; with --soak take those and the tests with seeds alone.

    A file that waits for minutes comes first, then those of the lab, which take longest, then those
    with most tests: so no process is left alone with one in the end.
    """
    wanted = [item for item in items if _is_wanted(item, soak=config.option.soak)]
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    tests = Counter(item.path for item in wanted)
    items[:] = sorted(wanted, key=lambda item: (*_place(item), -tests[item.path]))


def _place(item: pytest.Item) -> tuple[bool, bool]:
    """Return what puts a test's file forward, False first."""
    return item.path.name != WAITS, item.path.parent.name != "lab"


def _is_wanted(item: pytest.Item, *, soak: bool) -> bool:
    marked = item.get_closest_marker("soak") is not None
    return marked or "seed" in getattr(item, "fixturenames", ()) if soak else not marked
