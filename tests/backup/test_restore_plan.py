"""Where a restore may go."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ops.backup.drill_plan import Held
from ops.backup.restic import Archived
from ops.backup.restore_plan import kind_of, moment, newest, plan_files, plan_volumes
from ops.errors import OpsError, UsageError
from ops.inventory.repository import Repository
from ops.inventory.schema import State
from tests.support.inventories import PROJECT, SAMPLE

WIKI = Repository(SAMPLE, PROJECT).component("wiki")
WHEN = datetime(2026, 11, 22, 2, 15, tzinfo=UTC)
HELD = Held("snap-1", "main", "data", "r1", WHEN, 40, complete=True)
ARCHIVED = Archived("9f3c", "r1", "main", WHEN, ("/var/lib/dokuwiki",))


def test_beside_live_data_nobody_is_asked() -> None:
    plan = plan_volumes("wiki", WIKI, [HELD], "/srv/before")
    assert [(step.arguments["to"], step.effect) for step in plan.steps] == [
        ("/srv/before/data", "add")
    ]


def test_over_a_mount_a_yes_is_needed() -> None:
    plan = plan_volumes("wiki", WIKI, [HELD], "/srv/wiki")
    assert [step.effect for step in plan.asks()] == ["replace"]
    assert plan.facts["over"] is True


@pytest.mark.parametrize("to", ["/srv", "/", "/srv/wiki/dokuwiki", "/srv/wiki/dokuwiki/data"])
def test_a_folder_of_live_data_is_refused(to: str) -> None:
    with pytest.raises(UsageError, match="holds live data"):
        plan_volumes("wiki", WIKI, [HELD], to)


def test_an_archive_goes_over_live_data_at_the_root_only() -> None:
    assert plan_files("wiki", WIKI, [ARCHIVED], "/").asks()
    assert not plan_files("wiki", WIKI, [ARCHIVED], "/srv/back").asks()
    with pytest.raises(UsageError, match="holds live data"):
        plan_files("wiki", WIKI, [ARCHIVED], "/var/lib/dokuwiki")


def test_a_day_means_its_end_in_the_sites_time_zone() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    found = moment("2026-11-22", zone)
    assert found and found.isoformat() == "2026-11-22T23:59:59.999999-08:00"
    assert moment("", zone) is None
    with pytest.raises(UsageError, match="is no moment"):
        moment("yesterday", zone)


def test_an_archive_of_the_time_or_before_is_taken() -> None:
    assert newest([ARCHIVED], "wiki", WHEN) == [ARCHIVED]
    with pytest.raises(OpsError, match="no archive of that time"):
        newest([ARCHIVED], "wiki", datetime(2026, 11, 1, tzinfo=UTC))


def test_without_a_snapshot_the_archive_is_restored() -> None:
    assert kind_of(WIKI, State.model_validate({}), "auto") == "archive"
    bare = WIKI.model_copy(update={"backup": None})
    with pytest.raises(UsageError, match="neither"):
        kind_of(bare, State.model_validate({}), "auto")
