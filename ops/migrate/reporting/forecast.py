"""How long the next run will take, foretold from recorded ones, with an interval. Pure.

A run's seconds are taken as `A + B files + C sent files + D sent bytes`: connecting, looking at
every file, what each sent file costs, and the link. The four numbers are the best compromise
between what the runs took and what such runs take anywhere (PRIOR), by least squares; none is
below zero. So two runs are enough, the more they differ the better, and what no run has shown
widens the interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import log2, sqrt
from typing import Literal

from ops.errors import Refused

FEWEST = 2
"""Runs that a forecast needs."""

MOST = 10
"""Of more full ones, or more of the others, only the newest count: hosts and links change."""

PRIOR = ((5.0, 20.0), (20e-6, 60e-6), (0.5e-3, 2e-3), (1 / 30e6, 5 / 30e6))
"""Mean and deviation of each number before any run: 30 MB/s, 20 us a file to look at it..."""

RELATIVE, ABSOLUTE = 0.08, 0.7
"""How much of its time, and how many seconds, a run differs from an equal one for no reason."""

ASSUMED = 2
"""Runs that this counts for, beside what the recorded ones show of it."""

_Z = 1.645
"""Nine of ten runs end inside the interval: this many deviations, were they known exactly."""

_CHANGE = 0.5
"""How much of what changes within some time differs from one time to the next."""

Kind = Literal["full", "final"]


@dataclass(frozen=True)
class Past:
    """A recorded run: when it began, how long it took, all there was, and what it sent."""

    started: datetime
    seconds: float
    files: int
    bytes: int
    sent_files: int
    sent_bytes: int

    @property
    def is_full(self) -> bool:
        """Return whether it moved the data, rather than what had changed of it."""
        return 2 * self.sent_bytes > self.bytes


@dataclass(frozen=True)
class Work:
    """What a run has to do; `doubt` is the part by which what it sends may differ."""

    files: int
    sent_files: float
    sent_bytes: float
    doubt: float = 0.0

    @property
    def features(self) -> tuple[float, float, float, float]:
        """Return what the model's numbers are multiplied by."""
        return 1.0, float(self.files), float(self.sent_files), float(self.sent_bytes)


@dataclass(frozen=True)
class Forecast:
    """The seconds a run will take, and between which nine of ten such runs end."""

    seconds: float
    low: float
    high: float
    runs: int

    def off(self, took: float) -> float:
        """Return how far off the forecast was: 0.1 when the run took 10 % longer."""
        return took / self.seconds - 1 if self.seconds else 0.0

    def holds(self, took: float) -> bool:
        """Return whether that lies inside the interval."""
        return self.low <= took <= self.high


def newest(past: Sequence[Past]) -> list[Past]:
    """Return the runs that count, the oldest first: MOST full ones, and MOST of the others.

    Many small runs must not push out the only one that tells how long everything takes.
    """
    runs = sorted(past, key=lambda one: one.started)
    kinds = ([one for one in runs if one.is_full is kind] for kind in (True, False))
    counting = [one for kind in kinds for one in kind[-MOST:]]
    return sorted(counting, key=lambda one: one.started)


def full(past: Sequence[Past]) -> Work:
    """Return the work of a run that moves everything, as much as there was last."""
    last = _enough(past)[-1]
    return Work(last.files, last.files, last.bytes)


def final(past: Sequence[Past], age: timedelta) -> Work | None:
    """Return the work of a run that sends what has changed in `age`; None if no run ever did.

    What changes is taken to go on as between the runs so far, up to everything.
    """
    runs = _enough(past)
    pairs = [(one, next_) for one, next_ in pairwise(runs) if not next_.is_full]
    spans = sum((next_.started - one.started).total_seconds() for one, next_ in pairs)
    if not pairs or spans <= 0:
        return None
    times = age.total_seconds() / spans
    files, size = (sum(getattr(run, name) for _, run in pairs) for name in _SENT)
    last = runs[-1]
    doubt = _CHANGE * (1 + log2(max(1.0, times)) / 2) / sqrt(len(pairs))
    return Work(last.files, min(last.files, times * files), min(last.bytes, times * size), doubt)


def foretell(past: Sequence[Past], work: Work) -> Forecast:
    """Return how long the work will take. Raise Refused when too few runs are known."""
    runs = _enough(past)
    features = [Work(one.files, one.sent_files, one.sent_bytes).features for one in runs]
    noise = [_noise(one.seconds) for one in runs]
    matrix, right = _equations(features, [one.seconds for one in runs], noise)
    numbers = _solved(matrix, right)
    seconds = _product(numbers, work.features)
    misses = sum(
        ((one.seconds - _product(numbers, x)) / deviation) ** 2
        for one, x, deviation in zip(runs, features, noise, strict=True)
    )
    # What fitting the numbers took away from the runs tells nothing of their noise any more.
    fitted = sum(_variance(matrix, x) / dev**2 for x, dev in zip(features, noise, strict=True))
    freedom = ASSUMED + len(runs) - fitted
    spread = max(1.0, (ASSUMED + misses) / freedom)
    known = _variance(matrix, work.features)
    change = (work.doubt * (numbers[2] * work.sent_files + numbers[3] * work.sent_bytes)) ** 2
    half = _student(freedom) * sqrt((known + _noise(seconds) ** 2) * spread + change)
    return Forecast(seconds, max(0.0, seconds - half), seconds + half, len(runs))


_SENT = ("sent_files", "sent_bytes")

Row = Sequence[float]


def _enough(past: Sequence[Past]) -> list[Past]:
    runs = newest(past)
    if len(runs) < FEWEST:
        told = "no recorded run" if not runs else "one recorded run only"
        raise Refused(
            f"there is {told}, and a forecast rests on {FEWEST} at least",
            "Make another practice run: fab migrate.metered app=NAME",
        )
    return runs


def _noise(seconds: float) -> float:
    return sqrt((RELATIVE * seconds) ** 2 + ABSOLUTE**2)


def _student(freedom: float) -> float:
    """Return Student's quantile in place of _Z (Abramowitz and Stegun, 26.7.5)."""
    first = (_Z**3 + _Z) / (4 * freedom)
    second = (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / (96 * freedom**2)
    return _Z + first + second


def _equations(features: Sequence[Row], seconds: Row, noise: Row) -> tuple[list[list[float]], Row]:
    """Return the normal equations, each number in units of its prior deviation."""
    scaled = [[x * sd for x, (_, sd) in zip(row, PRIOR, strict=True)] for row in features]
    matrix = [[float(i == j) for j in range(len(PRIOR))] for i in range(len(PRIOR))]
    right = [mean / deviation for mean, deviation in PRIOR]
    for row, took, deviation in zip(scaled, seconds, noise, strict=True):
        for i, x in enumerate(row):
            right[i] += x * took / deviation**2
            for j, y in enumerate(row):
                matrix[i][j] += x * y / deviation**2
    return matrix, right


def _solved(matrix: Sequence[Row], right: Row) -> list[float]:
    """Return the numbers that fit best, none below zero: one after the other till all rest."""
    size = len(right)
    found = [0.0] * size
    for _ in range(10_000):
        largest = 0.0
        for i in range(size):
            rest = right[i] - sum(matrix[i][j] * found[j] for j in range(size) if j != i)
            new = max(0.0, rest / matrix[i][i])
            largest = max(largest, abs(new - found[i]))
            found[i] = new
        if largest < 1e-9:
            break
    return [value * deviation for value, (_, deviation) in zip(found, PRIOR, strict=True)]


def _variance(matrix: Sequence[Row], features: Row) -> float:
    """Return the variance that not knowing the numbers better gives to their sum."""
    scaled = [x * deviation for x, (_, deviation) in zip(features, PRIOR, strict=True)]
    return max(0.0, _product(scaled, _eliminated(matrix, scaled)))


def _eliminated(matrix: Sequence[Row], right: Row) -> list[float]:
    """Return the solution of the equations, by Gauss; the matrix is positive definite."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i, pivot in enumerate(rows):
        for other in rows[i + 1 :]:
            factor = other[i] / pivot[i]
            for j in range(i, len(pivot)):
                other[j] -= factor * pivot[j]
    found: list[float] = []
    for row in reversed(rows):
        known = sum(a * x for a, x in zip(row[-1 - len(found) : -1], found, strict=True))
        found.insert(0, (row[-1] - known) / row[-2 - len(found)])
    return found


def _product(left: Row, right: Row) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
