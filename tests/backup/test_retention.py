"""Which backups the rules keep, and why; held against restic itself in `make soak`."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.backup.retention import NO_RULE, Decision, Taken, decide
from ops.errors import OpsError
from ops.inventory.schema import Keep

PACIFIC = ZoneInfo("America/Los_Angeles")
COUNTED = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
NEWEST = datetime(2026, 11, 22, 10, 15, tzinfo=UTC)


def keep(**rules: object) -> Keep:
    return Keep.model_validate(rules)


def every(step: timedelta, count: int, newest: datetime = NEWEST) -> list[Taken]:
    """Return backups at equal distances, the newest first, called by their number."""
    return [Taken(str(number), newest - number * step) for number in range(count)]


def kept(decisions: tuple[Decision, ...]) -> dict[str, tuple[str, ...]]:
    return {one.taken.id: one.reasons for one in decisions if one.reasons}


def test_last_keeps_the_newest() -> None:
    found = decide(every(timedelta(hours=1), 5), keep(last=2), UTC)
    assert kept(found) == {"0": ("last 1",), "1": ("last 2",)}
    assert [one.taken.id for one in found if not one.reasons] == ["2", "3", "4"]


def test_daily_keeps_the_newest_of_each_day_that_has_one() -> None:
    found = decide(every(timedelta(hours=12), 20), keep(daily=3), UTC)
    assert kept(found) == {"0": ("daily 1",), "1": ("daily 2",), "3": ("daily 3",)}


def test_days_without_backups_do_not_count() -> None:
    old = every(timedelta(hours=30), 4, NEWEST - timedelta(days=400))
    assert set(kept(decide(old, keep(daily=2), UTC))) == {"0", "1"}


def test_rules_count_for_themselves_and_all_reasons_are_told() -> None:
    found = decide(every(timedelta(days=1), 10), keep(last=1, weekly=1, within="25h"), UTC)
    assert kept(found) == {"0": ("last 1", "weekly 1", "within 25h"), "1": ("within 25h",)}


def test_within_counts_from_the_newest_backup() -> None:
    long_ago = every(timedelta(hours=1), 10, datetime(1999, 1, 1, tzinfo=UTC))
    assert set(kept(decide(long_ago, keep(within="2h"), UTC))) == {"0", "1", "2"}


def test_the_oldest_is_kept_while_counts_are_left() -> None:
    found = kept(decide(every(timedelta(days=30), 4), keep(yearly=3), UTC))
    assert found == {"0": ("yearly 1",), "3": ("yearly 2 (oldest of all)",)}


def test_a_day_is_one_of_the_time_zone() -> None:
    around_midnight = [
        Taken("late", datetime(2026, 11, 22, 7, 30, tzinfo=UTC)),  # 23:30 on the 21st
        Taken("early", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),  # 00:30 on the 22nd
    ]
    assert set(kept(decide(around_midnight, keep(daily=2), PACIFIC))) == {"late", "early"}
    assert set(kept(decide([*around_midnight, *every(timedelta(days=1), 9)], keep(daily=1), UTC)))


def test_the_hour_that_comes_twice_is_two_hours_and_one_day() -> None:
    twice = [Taken(f"{hour}:30Z", datetime(2026, 11, 1, hour, 30, tzinfo=UTC)) for hour in (8, 9)]
    assert {one.at.astimezone(PACIFIC).hour for one in twice} == {1}
    older = Taken("older", datetime(2026, 10, 1, tzinfo=UTC))
    assert set(kept(decide([*twice, older], keep(hourly=2), PACIFIC))) == {"8:30Z", "9:30Z"}
    assert set(kept(decide([*twice, older], keep(daily=1), PACIFIC))) == {"9:30Z"}


def test_no_rule_removes_nothing() -> None:
    found = decide(every(timedelta(days=1), 3), keep(), UTC)
    assert kept(found) == dict.fromkeys("012", (NO_RULE,))


def test_no_backups_no_decisions() -> None:
    assert decide([], keep(last=1), UTC) == ()


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(OpsError, match="no time zone"):
        decide([Taken("one", datetime(2026, 1, 1))], keep(last=1), UTC)


moments = st.datetimes(datetime(2020, 1, 1), datetime(2027, 1, 1)).map(
    lambda at: at.replace(tzinfo=UTC)
)
backups = st.lists(moments, min_size=1, max_size=60).map(
    lambda found: [Taken(f"snap-{number}", at) for number, at in enumerate(found)]
)
policies = st.fixed_dictionaries(
    {name: st.integers(0, 5) for name in COUNTED},
    optional={"within": st.sampled_from(["1h", "3d", "2w", "1y"])},
).map(Keep.model_validate)


@given(backups, policies)
def test_every_backup_is_decided_once_and_the_newest_always_stays(
    taken: list[Taken], policy: Keep
) -> None:
    found = decide(taken, policy, PACIFIC)
    assert sorted(one.taken.id for one in found) == sorted(one.id for one in taken)
    assert found[0].reasons
    assert found[0].taken.at == max(one.at for one in taken)


@given(backups, policies)
def test_deciding_again_on_what_was_kept_keeps_all_of_it(taken: list[Taken], policy: Keep) -> None:
    once = [one.taken for one in decide(taken, policy, PACIFIC) if one.reasons]
    assert all(one.reasons for one in decide(once, policy, PACIFIC))


@given(backups, policies, st.randoms())
def test_the_order_that_backups_are_listed_in_does_not_matter(
    taken: list[Taken], policy: Keep, chance: random.Random
) -> None:
    mixed = chance.sample(taken, len(taken))
    assert decide(mixed, policy, PACIFIC) == decide(taken, policy, PACIFIC)


@given(backups, policies, st.sampled_from(COUNTED))
def test_a_higher_count_never_removes_more(taken: list[Taken], policy: Keep, rule: str) -> None:
    more = policy.model_copy(update={rule: getattr(policy, rule) + 1})
    before, after = decide(taken, policy, PACIFIC), decide(taken, more, PACIFIC)
    if any(getattr(policy, name) for name in COUNTED) or policy.within:
        oldest_apart = {name for name, why in kept(before).items() if "oldest" not in str(why)}
        assert oldest_apart <= set(kept(after))


@given(backups, policies)
def test_a_counted_rule_keeps_no_more_than_its_count(taken: list[Taken], policy: Keep) -> None:
    for name in COUNTED:
        reasons = [why for one in decide(taken, policy, PACIFIC) for why in one.reasons]
        assert sum(why.startswith(f"{name} ") for why in reasons) <= getattr(policy, name)


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")
def test_restic_forget_keeps_the_same(tmp_path: Path) -> None:
    chance = random.Random(7)
    taken = {
        _restic_backup(tmp_path, NEWEST - timedelta(minutes=chance.randrange(2 * 366 * 1440)))
        for _ in range(25)
    } | {_restic_backup(tmp_path, NEWEST - timedelta(hours=hours)) for hours in range(15)}
    for _ in range(12):
        rules: dict[str, object] = {name: chance.choice((0, 0, 1, 3, 40)) for name in COUNTED}
        rules["within"] = "3d"
        ours = kept(decide(taken, keep(**rules), PACIFIC))
        theirs = _restic_keeps(tmp_path, rules)
        oldest = {name for name, why in ours.items() if all("oldest" in one for one in why)}
        assert set(ours) - oldest <= theirs <= set(ours)  # before 0.17 restic lets the oldest go


def _restic_backup(folder: Path, at: datetime) -> Taken:
    (folder / "data").mkdir(exist_ok=True)
    if not (folder / "repository").exists():
        _restic(folder, "init")
    local = at.astimezone(PACIFIC).strftime("%Y-%m-%d %H:%M:%S")
    done = _restic(folder, "backup", "--json", "--time", local, str(folder / "data"))
    summary = json.loads(done.splitlines()[-1])
    return Taken(summary["snapshot_id"][:8], at)


def _restic_keeps(folder: Path, rules: dict[str, object]) -> set[str]:
    words = [f"--keep-{name}={count}" for name, count in rules.items() if count]
    [group] = json.loads(_restic(folder, "forget", "--dry-run", "--json", *words))
    return {one["short_id"] for one in group["keep"]}


def _restic(folder: Path, *words: str) -> str:
    environ = {
        **os.environ,
        "RESTIC_PASSWORD": "test",
        "RESTIC_REPOSITORY": str(folder / "repository"),
        "TZ": "America/Los_Angeles",
    }
    return subprocess.run(
        ["restic", "--no-cache", *words], env=environ, check=True, capture_output=True, text=True
    ).stdout
