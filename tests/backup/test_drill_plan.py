"""Which backups a drill proves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ops.backup.drill_plan import Held, askings, newest, relocated, scratch_of, steps, verdict
from ops.errors import OpsError, UsageError
from ops.inventory.repository import Repository
from ops.inventory.schema import DrilledPart, Hook, Scratch, State
from tests.support.inventories import PROJECT, SAMPLE

SITE = Repository(SAMPLE, PROJECT).site()
OLD = Held("snap-1", "main", "data", "r1", datetime(2026, 11, 20, tzinfo=UTC), 40, complete=True)
NEW = replace(OLD, id="snap-2", run="r2", taken=datetime(2026, 11, 21, tzinfo=UTC))
LOGS = replace(NEW, id="snap-3", volume="a-logs")
PENDING = replace(NEW, id="snap-4", run="r3", taken=datetime(2026, 11, 22, tzinfo=UTC))


def test_the_newest_whole_set_counts() -> None:
    pending = replace(PENDING, complete=False)
    assert newest([OLD, NEW, LOGS, pending, replace(PENDING, volume="x")], "wiki") == [LOGS, NEW]


def test_a_set_that_lost_a_snapshot_or_a_slot_is_not_whole() -> None:
    assert newest([OLD, replace(NEW, of=2)], "wiki") == [OLD]
    assert newest([OLD, replace(NEW, slots=2)], "wiki") == [OLD]
    assert newest([OLD, replace(NEW, of=2), replace(LOGS, of=2)], "wiki")[1].run == "r2"


def test_a_moment_takes_the_set_before_it() -> None:
    assert newest([OLD, NEW], "wiki", datetime(2026, 11, 20, 12, tzinfo=UTC)) == [OLD]


def test_no_set_is_told() -> None:
    with pytest.raises(OpsError, match="wiki has no complete snapshots of 2026-11-01"):
        newest([OLD], "wiki", datetime(2026, 11, 1, tzinfo=UTC))


def test_volumes_are_proven_before_they_are_asked() -> None:
    hook = Hook.model_validate({"script": "check", "arguments": ["/srv/wiki"]})
    made = steps([LOGS, NEW], [hook], "scratch/main")
    assert [step.kind for step in made] == ["volume.prove", "volume.prove", "volumes.ask"]


def test_arguments_follow_the_data_by_the_longest_mount() -> None:
    places = {"/srv": "/r/1", "/srv/logs": "/r/2"}
    assert relocated("/srv/logs/a", places) == "/r/2/a"
    assert relocated("/srv", places) == "/r/1"
    assert relocated("/srvx", places) == "/srvx"


def test_a_mount_that_is_not_declared_moves_nothing() -> None:
    assert relocated("/etc/x", {"": "/r/1"}) == "/etc/x"


def test_a_check_asks_each_slot_whose_data_it_is_given() -> None:
    ldap = {"main": {"/var/lib/ldap": "/r/1"}, "replica": {"/var/lib/ldap": "/r/2"}}
    assert askings(["/var/lib/ldap/db"], ldap) == [
        ("main", ["/r/1/db"]),
        ("replica", ["/r/2/db"]),
    ]
    assert askings(["/srv", "x"], {**ldap, "web": {"/srv": "/r/3"}}) == [("web", ["/r/3", "x"])]
    assert askings(["x"], ldap) == [("main", ["x"])]


def part(files: int, moving: int) -> DrilledPart:
    told = {"slot": "main", "name": "data", "backup": "snap-1", "verdict": "proven"}
    return DrilledPart.model_validate({**told, "files": files, "moving": moving})


def test_a_drill_that_looked_at_nothing_proves_nothing() -> None:
    with pytest.raises(OpsError, match="every file was in motion"):
        verdict("wiki", [], [part(0, 7)], asked=0)
    assert verdict("wiki", [], [part(0, 7)], asked=1) == "proven"
    assert verdict("wiki", [], [part(0, 7), part(1, 0)], asked=0) == "proven"
    assert verdict("wiki", [], [part(0, 0)], asked=0) == "proven"
    assert verdict("wiki", ["x"], [part(0, 7)], asked=0) == "different"


def test_the_scratch_host_must_be_declared_there_and_another_one() -> None:
    site = SITE.model_copy(update={"scratch": None})
    with pytest.raises(UsageError, match="no scratch host is declared"):
        scratch_of(site, "wiki", None)
    site = SITE.model_copy(update={"scratch": Scratch(component="s")})
    with pytest.raises(UsageError, match="is the scratch host itself"):
        scratch_of(site, "s", None)
    with pytest.raises(UsageError, match="not there yet"):
        scratch_of(site, "wiki", State.model_validate({}))
