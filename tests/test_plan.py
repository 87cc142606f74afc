"""Plans as values: digest, questions, limits, lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.errors import Refused
from ops.plan import Effect, Plan, Step, limit, require

DELETE = Step("volume.delete", "vol-1", "delete vol-1", {"volume": "vol-1"}, "delete")
ADD = Step("volume.create", "data", "create data", {"size": 8})
PLAN = Plan("provision", "wiki", (ADD, DELETE), {"seen": 1}, ("cheap",))


def test_the_same_plan_has_the_same_digest() -> None:
    again = Plan("provision", "wiki", (ADD, DELETE), {"seen": 1}, ("another note",))
    assert again.digest == PLAN.digest
    assert len(PLAN.digest) == 12


@pytest.mark.parametrize(
    "other",
    [
        Plan("names", "wiki", (ADD, DELETE), {"seen": 1}),
        Plan("provision", "tracker", (ADD, DELETE), {"seen": 1}),
        Plan("provision", "wiki", (DELETE, ADD), {"seen": 1}),
        Plan("provision", "wiki", (ADD, DELETE), {"seen": 2}),
    ],
)
def test_target_steps_order_and_facts_change_the_digest(other: Plan) -> None:
    assert other.digest != PLAN.digest


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_facts_does_not_matter(facts: dict[str, int]) -> None:
    backwards = dict(reversed(facts.items()))
    assert Plan("a", "b", facts=facts).digest == Plan("a", "b", facts=backwards).digest


def test_only_json_data_goes_into_a_plan() -> None:
    with pytest.raises(TypeError, match="JSON data only, not object"):
        _ = Plan("a", "b", facts={"x": object()}).digest


@pytest.mark.parametrize(
    ("effect", "asks"),
    [("add", 0), ("change", 0), ("delete", 1), ("replace", 1), ("purchase", 1), ("switch", 1)],
)
def test_what_takes_away_or_costs_asks(effect: Effect, asks: int) -> None:
    assert len(Plan("a", "b", (Step("x.y", "s", "w", effect=effect),)).asks()) == asks


def test_a_plan_reads_as_lines_with_the_digest_last() -> None:
    lines = PLAN.lines()
    assert lines[:4] == ["wiki:", "  + create data", "  - delete vol-1", "  cheap"]
    assert lines[-1] == f"  plan {PLAN.digest}"


def test_an_empty_plan_says_so() -> None:
    empty = Plan("provision", "wiki")
    assert (bool(empty), empty.lines()) == (False, ["wiki: nothing to do"])


def test_a_plan_is_json() -> None:
    assert json.loads(json.dumps(PLAN.data()))["steps"][1]["effect"] == "delete"


def test_another_plan_than_expected_is_refused() -> None:
    require(PLAN, "")
    require(PLAN, PLAN.digest)
    with pytest.raises(Refused, match=f"is now {PLAN.digest}, not 123"):
        require(PLAN, "123")


def test_a_limit_names_the_argument_that_lifts_it() -> None:
    limit(PLAN, ["delete"], 1, "allow-deletes")
    with pytest.raises(Refused) as caught:
        limit(PLAN, ["delete"], 0, "allow-deletes")
    assert "allow-deletes=1" in caught.value.hint
