"""The declared backups as policies of Data Lifecycle Manager, and what differs from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ops.backup.dlm import Existing, plan, wanted
from ops.errors import Refused
from ops.inventory.schema import Component
from tests.backup.test_schedule import EMPTY, READY

ROLE = "arn:aws:iam::123456789012:role/ops-dlm"


def details(**backup: Any) -> Mapping[str, Any]:
    told: dict[str, Any] = {"schedule": "15 2 * * *", "keep": {"daily": 7}, **backup}
    component = Component.model_validate({"description": "d", "owner": "o", "backup": told})
    return wanted({"wiki": component}, {"wiki": READY})["wiki"]


def existing(found: Mapping[str, Any], **other: Any) -> Existing:
    told = {"id": "policy-1", "component": "wiki", "state": "ENABLED", "role": ROLE, **other}
    added = {**found, "PolicyLanguage": "STANDARD"}
    return Existing(**told, details=added)


def test_a_policy_takes_the_components_instances_without_boot_volumes() -> None:
    made = details(level="crash")
    assert made["ResourceTypes"] == ["INSTANCE"]
    assert made["TargetTags"] == [{"Key": "ops:component", "Value": "wiki"}]
    assert made["Parameters"] == {"ExcludeBootVolume": True}


def test_each_rule_is_a_schedule_with_its_count() -> None:
    made = details(level="crash", keep={"last": 2, "daily": 7, "weekly": 4, "monthly": 12})
    told = {
        one["Name"]: (one["CreateRule"]["CronExpression"], one["RetainRule"]["Count"])
        for one in made["Schedules"]
    }
    assert told == {
        "wiki last": ("cron(15 2 * * ? *)", 2),
        "wiki daily": ("cron(15 2 * * ? *)", 7),
        "wiki weekly": ("cron(15 2 ? * SUN *)", 4),
        "wiki monthly": ("cron(15 2 1 * ? *)", 12),
    }


def crons(schedule: str, **keep: int) -> list[str]:
    made = details(level="crash", schedule=schedule, keep=keep)["Schedules"]
    return [one["CreateRule"]["CronExpression"] for one in made]


def test_a_count_of_days_is_used_up_by_one_snapshot_a_day() -> None:
    assert crons("5 */4 * * *", daily=14, weekly=4, monthly=12, yearly=1) == [
        "cron(5 0 * * ? *)",
        "cron(5 0 ? * SUN *)",
        "cron(5 0 1 * ? *)",
        "cron(5 0 1 1 ? *)",
    ]
    assert crons("*/20 * * * *", hourly=24) == ["cron(0 * * * ? *)"]


@pytest.mark.parametrize(
    ("schedule", "cron"),
    [
        ("5 */4 * * *", "5 0,4,8,12,16,20 * * ? *"),
        ("5 2 * * */2", "5 2 ? * SUN,TUE,THU,SAT *"),
        ("5 2 * jan-mar 1-3,7", "5 2 ? 1,2,3 SUN,MON,TUE,WED *"),
        ("5 2 */15 * *", "5 2 1,16,31 * ? *"),
    ],
)
def test_steps_and_ranges_are_written_out(schedule: str, cron: str) -> None:
    assert crons(schedule, last=3) == [f"cron({cron})"]


def test_part_of_a_day_is_kept_as_a_day() -> None:
    [made] = details(keep={"within": "36h"})["Schedules"]
    assert made["RetainRule"] == {"Interval": 2, "IntervalUnit": "DAYS"}


def test_within_keeps_by_age_and_a_copy_is_kept_as_long() -> None:
    [made] = details(keep={"within": "14d"}, copy_to="us-west-2")["Schedules"]
    assert made["RetainRule"] == {"Interval": 14, "IntervalUnit": "DAYS"}
    [copied] = made["CrossRegionCopyRules"]
    assert copied["Target"] == "us-west-2"
    assert copied["RetainRule"] == {"Interval": 14, "IntervalUnit": "DAYS"}


def test_scripts_fail_closed() -> None:
    for level in ("filesystem", "application"):
        [made] = details(level=level)["Schedules"]
        [script] = made["CreateRule"]["Scripts"]
        assert script["ExecuteOperationOnScriptFailure"] is False
        assert script["Stages"] == ["PRE", "POST"]
    assert "Scripts" not in details(level="crash")["Schedules"][0]["CreateRule"]


@pytest.mark.parametrize(
    "backup",
    [
        {"keep": {}},
        {"keep": {"last": 1, "hourly": 1, "daily": 1, "weekly": 1, "monthly": 1}},
        {"keep": {"last": 1}, "schedule": "15 2 1 * 1"},
        {"keep": {"last": 30, "within": "7d"}},
    ],
)
def test_what_dlm_cannot_do_is_refused(backup: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        details(**backup)


def test_what_has_no_volumes_has_no_policy() -> None:
    told = {"schedule": "15 2 * * *", "keep": {"daily": 7}}
    component = Component.model_validate({"description": "d", "owner": "o", "backup": told})
    assert wanted({"wiki": component}, {"wiki": EMPTY}) == {}


def test_a_missing_policy_is_created_and_then_there_is_nothing_to_do() -> None:
    wish = details()
    [step] = plan({"wiki": wish}, [], ROLE).steps
    assert (step.kind, step.arguments["details"]) == ("dlm.create", dict(wish))
    assert not plan({"wiki": wish}, [existing(wish)], ROLE)


def test_drift_is_told_where_it_is() -> None:
    wish, other = details(), details(keep={"daily": 9})
    [step] = plan({"wiki": wish}, [existing(other)], ROLE).steps
    assert "Schedules[0].RetainRule.Count: 9, not 7" in step.words and step.effect == "change"
    [step] = plan({"wiki": wish}, [existing(wish, state="DISABLED")], ROLE).steps
    assert "state: DISABLED" in step.words


def test_what_nothing_declares_and_what_is_there_twice_goes() -> None:
    wish = details()
    assert [one.kind for one in plan({}, [existing(wish)], ROLE).steps] == ["dlm.delete"]
    twice = [existing(wish), existing(wish, id="policy-2")]
    assert [one.subject for one in plan({"wiki": wish}, twice, ROLE).steps] == ["policy-1"]
