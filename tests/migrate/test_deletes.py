"""Deletions on the target are planned last, counted, and kept within the limit."""

import pytest

from ops.errors import Refused
from ops.migrate.deletes import added
from ops.plan import Plan, Step

PLAN = Plan("migrate.metered", "wiki", (Step("files.move", "pages", "move"),))


def test_deletions_come_last_and_ask() -> None:
    plan = added(PLAN, {"pages": 3, "media": 0}, 10)
    assert [step.kind for step in plan.steps] == ["files.move", "files.delete"]
    assert [step.subject for step in plan.asks()] == ["pages"]
    assert "delete 3 entries on the target" in plan.steps[-1].words


def test_more_than_the_limit_needs_a_counted_argument() -> None:
    with pytest.raises(Refused, match="would delete 11 entries") as caught:
        added(PLAN, {"pages": 5, "media": 6}, 10)
    assert "allow-deletes=11" in caught.value.hint
    assert added(PLAN, {"pages": 5, "media": 6}, 11)


def test_without_anything_gone_the_plan_stays_as_it_is() -> None:
    assert added(PLAN, {"pages": 0}, 0) == PLAN
