"""Declarations of tasks that do not fit are refused when the fabfile is loaded."""

from __future__ import annotations

import pytest

from ops.cli import Context, task
from ops.cli.rules import Rules


def with_app(context: Context, app: str) -> int | None:
    """Do nothing."""
    return None


def without(context: Context) -> int | None:
    """Do nothing."""
    return None


@pytest.mark.parametrize(
    ("rules", "body", "told"),
    [
        (Rules("one"), without, "app=one"),
        (Rules("none"), with_app, "app=none"),
        (Rules("many", asks=True), with_app, "asks"),
        (Rules("optional"), with_app, "candidates"),
        (Rules("one", ahead=lambda: None), with_app, "ahead"),
        (Rules("one", help={"ap": "x"}), with_app, "help"),
    ],
)
def test_a_wrong_declaration_is_named(rules: Rules, body: object, told: str) -> None:
    assert callable(body)
    with pytest.raises(TypeError, match=told):
        rules.check(body)


def test_a_task_stays_callable_and_returns_its_exit_code() -> None:
    assert task()(without)(Context()) == 0
