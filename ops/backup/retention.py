"""Decide which backups the retention rules keep, and say why. Pure.

The rules mean what they mean to `restic forget` (its documentation, "Removing snapshots
according to a policy"), so that one policy reads the same for snapshots and for archives:

- last N keeps the N newest; hourly, daily, weekly, monthly, yearly N keep the newest of each
  of the N newest hours, days... that have any; weeks are ISO weeks, which begin on Monday;
- the rules are asked independently of each other: one backup may count for several (borg's
  `prune` hands each rule only what the earlier ones left, and so keeps more);
- within DURATION keeps what is no older than that, counted from the *newest backup*, not from
  now: when backups stop, nothing that is there ages away, and no clock is read at all;
- the oldest of all is kept, too, while one of the counted rules still has counts left (as
  restic does from 0.17 on).

One difference: the hour that comes twice when clocks are set back is two hours here, one to
restic. Hours, days, weeks, months and years are those of the time zone given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from ops.errors import OpsError
from ops.inventory.schema import Keep
from ops.inventory.schema.words import seconds

NO_RULE = "no rule is declared: nothing goes"
"""Why everything is kept under an empty policy."""


@dataclass(frozen=True)
class Taken:
    """A backup: what it is called, and its moment, with a zone."""

    id: str
    at: datetime


@dataclass(frozen=True)
class Decision:
    """Whether a backup is kept, and every reason that keeps it: `("last 2", "monthly 1")`.

    The number is the place that it takes in the rule: "daily 3" is the third newest day.
    Without a reason it goes.
    """

    taken: Taken
    reasons: tuple[str, ...]


Period = Callable[[datetime], tuple[object, ...]]
"""Returns what two moments share when they fall into the same hour, day, ..."""

_PERIODS: dict[str, Period] = {
    "last": lambda at: (at,),
    "hourly": lambda at: (at.year, at.month, at.day, at.hour, at.utcoffset()),
    "daily": lambda at: (at.year, at.month, at.day),
    "weekly": lambda at: tuple(at.isocalendar())[:2],
    "monthly": lambda at: (at.year, at.month),
    "yearly": lambda at: (at.year,),
}


@dataclass
class _Rule:
    """One counted rule while backups pass by, the newest first."""

    name: str
    count: int
    seen: int = 0
    before: tuple[object, ...] = ()

    def reason(self, at: datetime, *, oldest: bool) -> str | None:
        """Return why this backup is kept by the rule; None when it is not, or counts are out."""
        if self.seen == self.count:
            return None
        period = _PERIODS[self.name](at)
        same = self.name != "last" and period == self.before
        if same and not oldest:
            return None
        self.before = period
        self.seen += 1
        return f"{self.name} {self.seen}" + (" (oldest of all)" if same else "")


def decide(taken: Iterable[Taken], keep: Keep, zone: tzinfo) -> tuple[Decision, ...]:
    """Return a decision on each backup, the newest first; those of one moment by their ids.

    No backups: nothing. No rule: all are kept. Raise OpsError when a moment has no zone.
    """
    ordered = sorted(taken, key=lambda one: (_moment(one), one.id), reverse=True)
    rules = [_Rule(name, count) for name in _PERIODS if (count := getattr(keep, name))]
    if not ordered or not (rules or keep.within):
        return tuple(Decision(one, (NO_RULE,)) for one in ordered)
    since = ordered[0].at - timedelta(seconds=seconds(keep.within)) if keep.within else None
    decisions, last = [], len(ordered) - 1
    for number, one in enumerate(ordered):
        open_rules = [rule for rule in rules if rule.seen < rule.count]
        local = one.at.astimezone(zone) if open_rules else one.at
        reasons = [rule.reason(local, oldest=number == last) for rule in open_rules]
        if since is not None and one.at >= since:
            reasons.append(f"within {keep.within}")
        decisions.append(Decision(one, tuple(reason for reason in reasons if reason)))
    return tuple(decisions)


def _moment(taken: Taken) -> datetime:
    if taken.at.utcoffset() is None:
        raise OpsError(f"backup {taken.id}: its moment {taken.at} has no time zone")
    return taken.at
