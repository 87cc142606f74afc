"""When cron runs a job: the five fields of crontab(5), checked, and asked for moments. Pure.

Fields hold numbers, names (jan, mon), ranges, lists and steps; Sunday is 0 and 7. A job
whose day of month and day of week are both given runs when either of them fits. As cron(8)
does it: a time that is left out when clocks go forward runs at that moment, one that comes twice
runs once. A job whose minutes or hours begin with `*` runs by the clock instead: not at all in
an hour that is left out, and twice in one that comes twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, ("", *_MONTHS)),
    ("day of week", 0, 7, tuple(_DAYS)),
)
_HORIZON = 366 * 8
"""Days within which every job comes that ever comes: 29 February may take eight years."""


@dataclass(frozen=True)
class CronTimes:
    """A parsed schedule; each field as its sorted numbers."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    wildcard: bool
    """The minutes or the hours begin with `*`."""
    any_day: bool
    """Either of the two fields for days is `*`, so that a day must fit both."""

    def after(self, moment: datetime, zone: tzinfo) -> datetime:
        """Return the first moment after this one, in UTC, that the job runs at in `zone`."""
        start = moment.astimezone(zone).date() - timedelta(days=1)
        dates = (start + timedelta(days=count) for count in range(_HORIZON))
        return next(at for at in self._moments(dates, zone, 1) if at > moment)

    def before(self, moment: datetime, zone: tzinfo) -> datetime:
        """Return the last moment up to this one, in UTC, that the job should have run at."""
        start = moment.astimezone(zone).date() + timedelta(days=1)
        dates = (start - timedelta(days=count) for count in range(_HORIZON))
        return next(at for at in self._moments(dates, zone, -1) if at <= moment)

    def _moments(self, dates: Iterator[date], zone: tzinfo, step: int) -> Iterator[datetime]:
        folds = (0, 1)[::step] if self.wildcard else (0,)
        for day in filter(self._fits, dates):
            for hour in self.hours[::step]:
                whole = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
                for fold in folds:
                    for minute in self.minutes[::step]:
                        yield from self._moment(whole.replace(minute=minute), fold)

    def _moment(self, first: datetime, fold: int) -> Iterator[datetime]:
        """Yield the moment that a time of the clock stands for, where there is one to run at."""
        second = first.replace(fold=1)
        longer = _offset(second) - _offset(first)
        if longer > timedelta(0):  # the clock was put forward over this time
            if not self.wildcard and fold == 0:
                yield _put_forward(first)
        elif fold == 0 or longer < timedelta(0):
            yield first.replace(fold=fold).astimezone(UTC)

    def _fits(self, day: date) -> bool:
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        fits = in_month and in_week if self.any_day else in_month or in_week
        return fits and day.month in self.months


def parse(text: str) -> CronTimes:
    """Return the schedule that five fields tell. Raise ValueError, naming the wrong field."""
    words = text.split()
    if len(words) != len(_FIELDS):
        raise ValueError("not five fields: minute, hour, day of month, month, day of week")
    minutes, hours, days, months, weekdays = map(_field, words, _FIELDS)
    found = CronTimes(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        days,
        months,
        frozenset(day % 7 for day in weekdays),
        words[0].startswith("*") or words[1].startswith("*"),
        words[2].startswith("*") or words[4].startswith("*"),
    )
    start = date(2024, 1, 1)  # its February has 29 days
    if not any(found._fits(start + timedelta(days=count)) for count in range(_HORIZON)):
        raise ValueError("that day never comes")
    return found


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta(0)


def _put_forward(missing: datetime) -> datetime:
    """Return the moment, in UTC, at which the clock was put forward over a time."""
    early, late = (missing.replace(fold=fold).astimezone(UTC) for fold in (1, 0))
    after = _offset(late.astimezone(missing.tzinfo))
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        before = _offset(middle.astimezone(missing.tzinfo)) != after
        early, late = (middle, late) if before else (early, middle)
    return late.replace(microsecond=0)


def _field(text: str, field: tuple[str, int, int, tuple[str, ...]]) -> frozenset[int]:
    return frozenset(number for part in text.split(",") for number in _part(part, field))


def _part(text: str, field: tuple[str, int, int, tuple[str, ...]]) -> range:
    name, low, high, names = field
    match = re.fullmatch(r"(\*|(\w+)(?:-(\w+))?)(?:/([1-9][0-9]*))?", text.lower())
    if match is None or (match[4] and match[1] != "*" and not match[3]):
        raise ValueError(f"{name}: {text!r} is no number, name, range or step")
    first = _number(match[2], names) if match[2] else low
    last = _number(match[3], names) if match[3] else first if match[2] else high
    if first is None or last is None or not low <= first <= last <= high:
        raise ValueError(f"{name}: {text!r} is not within {low} to {high}")
    return range(first, last + 1, int(match[4] or 1))


def _number(word: str, names: tuple[str, ...]) -> int | None:
    if word.isascii() and word.isdecimal():
        return int(word)
    return names.index(word) if word in names else None
