"""Planner cases are data; each is planned, carried out on a stand-in, and planned again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.errors import Refused
from ops.provision.limits import check, volume_gib
from tests.provision.world import World, site

CASES = Path(__file__).parents[1] / "cases" / "provision"


def read(name: str) -> Any:
    return yaml.safe_load((CASES / name).read_text())


def world(case: dict[str, Any]) -> World:
    """Return the world of a case, before the plan."""
    made = World(case.get("target") or read("wiki.yaml"), **case.get("site", {}))
    if case["start"] == "provisioned":
        made.carry_out(made.plan())
    for change in case.get("then", []):
        ((verb, told),) = change.items()
        getattr(made, verb)(told)
    return made


PLANS = [case for case in read("plans.yaml") if "plan" in case]
REFUSALS = [case for case in read("plans.yaml") if "refused" in case]


@pytest.mark.parametrize("case", PLANS, ids=lambda case: case["case"])
def test_the_plan_is_as_written(case: dict[str, Any]) -> None:
    decided = world(case).plan()
    assert [*map(str, decided.steps), *decided.notes] == case["plan"]


@pytest.mark.parametrize("case", PLANS, ids=lambda case: case["case"])
def test_the_second_plan_is_empty(case: dict[str, Any]) -> None:
    made = world(case)
    made.carry_out(made.plan())
    assert [str(step) for step in made.plan().steps] == []


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case["case"])
def test_a_contradiction_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        world(case).plan()
    assert case["refused"] in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize("killed_after", range(1, 16))
def test_a_run_killed_anywhere_is_finished_by_the_next(killed_after: int) -> None:
    made = world({"start": "bare"})
    made.forget_steps(killed_after)
    made.carry_out(made.plan())
    assert not made.plan()
    assert len(made.account.instances) == len(made.account.volumes) == 1


def test_the_digest_covers_what_a_file_will_hold() -> None:
    first, second = world({"start": "bare"}), world({"start": "bare"})
    changed = [type(f)(f.path, b"other\n", restarts=f.restarts) for f in second.desired.files]
    object.__setattr__(second.desired, "files", tuple(changed))
    assert first.plan().digest != second.plan().digest


def test_limits_name_the_counted_argument() -> None:
    decided = world({"start": "bare"}).plan()
    limits = site(limits={"volume_gib": 25}).limits
    assert volume_gib(decided) == 30
    with pytest.raises(Refused, match="30 GiB of volumes, the limit is 25") as refused:
        check(decided, limits, allow_instances=0, allow_volume_gib=0)
    assert "allow-volume-gib=30" in refused.value.hint
    check(decided, limits, allow_instances=0, allow_volume_gib=30)


def test_a_limit_of_no_instances_is_overridden_by_count() -> None:
    decided = world({"start": "bare"}).plan()
    with pytest.raises(Refused, match="makes 1 instances, the limit is 0"):
        check(decided, site(limits={"instances": 0}).limits, allow_instances=0, allow_volume_gib=0)
