"""Which volumes a snapshot run takes, and at which level."""

import pytest

from ops.backup.plan import plan_snapshot
from ops.errors import UsageError
from ops.inventory.schema import Component, State


def component(level: str, **policy: object) -> Component:
    backup = {"level": level, "schedule": "0 2 * * *", "keep": {"daily": 7}, **policy}
    volume = {"size_gib": 1, "device": "/dev/sdf", "mount": "/srv/wiki"}
    instance = {"type": "t3.small", "zone": "us-east-1a", "volumes": {"data": volume}}
    return Component.model_validate(
        {
            "description": "pages",
            "owner": "wiki team",
            "target": {"instances": {"main": instance}},
            "backup": backup,
        }
    )


def state(volumes: dict[str, str]) -> State:
    made = {
        name: {"id": found, "size_gib": 1, "created_by": "run"} for name, found in volumes.items()
    }
    instance = {
        "id": "i-1",
        "type": "t3.small",
        "zone": "us-east-1a",
        "image": "ami-1",
        "group": "sg-1",
        "private_address": "192.0.2.1",
        "volumes": made,
    }
    return State.model_validate({"instances": {"main": instance}})


def test_all_volumes_of_an_instance_are_one_step() -> None:
    plan = plan_snapshot("wiki", component("crash"), state({"logs": "vol-2", "data": "vol-1"}))
    assert [step.arguments["volumes"] for step in plan.steps] == [
        {"data": "vol-1", "logs": "vol-2"}
    ]


def test_filesystem_level_freezes_where_the_volume_is_mounted() -> None:
    plan = plan_snapshot("wiki", component("filesystem"), state({"data": "vol-1"}))
    assert plan.steps[0].arguments["mounts"] == ["/srv/wiki"]
    assert "/srv/wiki frozen" in str(plan.steps[0])


def test_crash_level_freezes_nothing() -> None:
    plan = plan_snapshot("wiki", component("crash"), state({"data": "vol-1"}))
    assert plan.steps[0].arguments["mounts"] == []


def test_what_has_stopped_is_taken_as_it_is() -> None:
    hook = {"script": "wiki/pause", "arguments": []}
    declared, there = component("filesystem", before=[hook]), state({"data": "vol-1"})
    [step] = plan_snapshot("wiki", declared, there, stopped=["i-1"]).steps
    told = step.arguments
    assert (told["level"], told["mounts"], told["before"]) == ("crash", [], [])
    assert "stopped" in step.words


def test_application_level_needs_a_hook() -> None:
    with pytest.raises(UsageError, match="no hook"):
        plan_snapshot("wiki", component("application"), state({"data": "vol-1"}))


def test_hooks_run_at_the_levels_that_freeze_and_only_there() -> None:
    hook = {"script": "wiki/pause", "arguments": ["/srv/wiki"]}
    at = {
        level: plan_snapshot("wiki", component(level, before=[hook]), state({"data": "vol-1"}))
        for level in ("crash", "filesystem", "application")
    }
    assert at["crash"].steps[0].arguments["before"] == []
    for level in ("filesystem", "application"):
        assert at[level].steps[0].arguments["before"] == [["wiki/pause", "/srv/wiki"]]


@pytest.mark.parametrize("nothing", [State.model_validate({}), state({})])
def test_a_component_without_volumes_is_a_usage_error(nothing: State) -> None:
    with pytest.raises(UsageError, match="no data volume"):
        plan_snapshot("wiki", component("crash"), nothing)


def test_a_component_without_data_volumes_has_nothing_to_do() -> None:
    declared = Component.model_validate({"description": "balancer", "owner": "network"})
    plan = plan_snapshot("balancer", declared, State.model_validate({}))
    assert not plan and plan.notes == ("no data volume is declared",)
