"""How backups stand: what is red, what is only not due, what is as declared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ops.backup.standing import COLUMNS, Known, Line, Proof, judge, lines

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAST_NIGHT = datetime(2026, 11, 22, 2, 16, tzinfo=UTC)
RUN = "20261122T021600.000Z_backup.snapshot_wiki_aaaaaa"
PROVEN = Proof(NOW - DAY, "proven", NOW - DAY)


def known(**other: Any) -> Known:
    """Return a backup that stands well: taken last night, within a day, proven yesterday."""
    told: dict[str, Any] = {
        "since": NOW - 90 * DAY,
        "last": LAST_NIGHT,
        "run": RUN,
        "newest_run": RUN,
        "level": "filesystem",
        "size": 5 * 2**30,
        "proof": PROVEN,
    }
    return Known("wiki", "snapshot", "15 2 * * *", 26 * 3600, 30 * 86400, **(told | other))


def judged(**other: Any) -> Line:
    return judge(known(**other), NOW, UTC)


def test_what_is_in_time_and_proven_is_good() -> None:
    line = judged()
    assert (line.health, line.faults, line.open) == ("good", (), ())
    assert line.next == "2026-11-23T02:15:00+00:00" and line.age_seconds == 27840
    assert len(line.cells()) == len(COLUMNS) and line.data()["level"] == "filesystem"


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ({"last": LAST_NIGHT - DAY}, "did not run at 2026-11-22 02:15Z"),
        ({"last": LAST_NIGHT - DAY}, "older than 1 d 2 h"),
        ({"last": None, "run": "", "newest_run": ""}, "there is none"),
        ({"newest_run": RUN.replace("021600", "091500")}, "the last run left no backup: 2026"),
        ({"complete": False}, "the last run is not complete: 2026"),
        ({"unsound": "the repository is not sound"}, "is not sound"),
        ({"proof": Proof(NOW, "different", NOW - DAY)}, "the last drill: different"),
        ({"proof": Proof(NOW - 31 * DAY, "proven", NOW - 31 * DAY)}, "not proven for 31 d"),
        ({"proof": Proof()}, "never proven"),
        ({"uncopied": "us-west-2"}, "no copy in us-west-2"),
        ({"lower": "crash consistent only, not filesystem"}, "crash consistent only"),
        ({"fault": "wiki.yaml:3:1: no such key"}, "no such key"),
    ],
)  # fmt: skip
def test_what_is_late_failed_or_unproven_is_bad(other: dict[str, Any], fault: str) -> None:
    line = judged(**other)
    assert line.health == "bad" and any(fault in one for one in line.faults), line.faults
    assert f"! {line.faults[0]}" in str(line.cells()[-1])


def test_a_run_under_way_is_not_missed_yet() -> None:
    yesterday = known(last=LAST_NIGHT - DAY, run="", newest_run="")
    assert judge(yesterday, LAST_NIGHT + HOUR / 2, UTC).health == "good"
    assert judge(yesterday, LAST_NIGHT + HOUR, UTC).health == "bad"


def test_a_backup_made_by_hand_does_not_hide_that_the_schedule_did_not_run() -> None:
    line = judged(last=LAST_NIGHT - HOUR)
    assert line.faults == ("did not run at 2026-11-22 02:15Z",)


def test_what_is_new_is_not_due_yet() -> None:
    line = judged(since=NOW - HOUR, last=None, run="", newest_run="", proof=Proof())
    assert line.health == "open"
    assert line.open == ("none yet, due within 1 d 2 h", "not proven yet")
    nothing = judged(since=None, last=None)
    assert (nothing.health, nothing.next, nothing.open) == (
        "open",
        None,
        ("nothing to back up yet",),
    )


def test_what_has_no_manifest_is_not_as_declared() -> None:
    line = judged(unlisted="no answer")
    assert (line.health, line.faults) == ("open", ())
    assert line.open == ("the last can't be proven, it has no manifest: no answer",)


def test_what_somebody_else_takes_is_told_as_not_looked_at() -> None:
    line = judged(elsewhere=True, last=None)
    assert (line.health, line.next) == ("open", None) and "not looked at" in line.open[0]


def test_the_schedule_is_that_of_the_controllers_zone() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    before = judge(known(last=LAST_NIGHT), NOW, zone)  # 02:15 there comes at 10:15Z
    assert before.next == "2026-11-22T10:15:00+00:00" and before.faults == ()
    assert judge(known(last=LAST_NIGHT), NOW + 2 * HOUR, zone).health == "bad"


@pytest.mark.parametrize(
    ("schedule", "last", "missed"),
    [
        ("15 2 * * *", "2026-03-08T10:00:30+00:00", ""),  # cron caught up at 03:00
        ("15 2 * * *", "2026-03-08T09:59:00+00:00", "did not run at 2026-03-08 10:00Z"),
        ("30 1 * * *", "2026-11-01T08:30:30+00:00", ""),  # and not again at 09:30Z
        ("30 * * * *", "2026-11-01T08:30:30+00:00", "did not run at 2026-11-01 10:30Z"),
    ],
)
def test_on_the_days_that_clocks_change_cron_is_judged_by_what_it_does(
    schedule: str, last: str, missed: str
) -> None:
    at = datetime.fromisoformat(last)
    now = at.replace(hour=11, minute=40)
    stood = replace(known(last=at, proof=Proof(now, "proven", now)), schedule=schedule)
    line = judge(stood, now, ZoneInfo("America/Los_Angeles"))
    assert line.faults == ((missed,) if missed else ())


def test_clocks_that_were_set_back_do_not_make_a_backup_late() -> None:
    assert judged(last=NOW + HOUR).health == "good"


def test_every_component_has_its_line() -> None:
    assert [one.component for one in lines([known(), known()], NOW, UTC)] == ["wiki", "wiki"]
