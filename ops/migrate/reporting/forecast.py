"""How long the next run will take, foretold from recorded ones, with an interval. Pure.

A run's seconds are taken as `A + B files + C sent files + D sent bytes + E dumped bytes`:
connecting, looking at every file, what each sent file costs, the link, and databases, which each
run dumps, sends and loads anew. The five numbers are the best compromise between what the runs took
and what such runs take anywhere (PRIOR), by least squares; none is below zero. So two runs are
enough, the more they differ the better, and what no run has shown widens the interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import hypot, log2, sqrt
from typing import Literal

from ops.errors import Refused

FEWEST = 2
"""Runs that a forecast needs."""

MOST = 10
"""Of more full ones, or more of the others, only the newest count: hosts and links change."""

PRIOR = ((5.0, 20.0), (20e-6, 60e-6), (0.5e-3, 2e-3), (1 / 30e6, 5 / 30e6), (1 / 10e6, 3 / 10e6))
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
    """A recorded run: when it began, how long it took, all there was, and what it sent.

    Files and bytes are those of sets of files; databases count in `dumped` bytes. What it sent had
    changed `since` then; None where it sent something else, the rest of a broken-off run perhaps.
    """

    started: datetime
    seconds: float
    files: int
    bytes: int
    sent_files: int
    sent_bytes: int
    dumped: int = 0
    since: datetime | None = None

    @property
    def is_full(self) -> bool:
        """Return whether it moved the data, rather than what had changed of it."""
        return 2 * self.sent_bytes > self.bytes


Amount = tuple[float, float]
"""Files and bytes."""


@dataclass(frozen=True)
class Work:
    """What a run has to do; `least` and `most` are what it may turn out to send, where known."""

    files: int
    sent_files: float
    sent_bytes: float
    dumped: int = 0
    least: Amount | None = None
    most: Amount | None = None

    @property
    def size(self) -> float:
        """Return the bytes to send, dumps included."""
        return self.sent_bytes + self.dumped

    @property
    def features(self) -> tuple[float, ...]:
        """Return what the model's numbers are multiplied by."""
        return 1.0, float(self.files), self.sent_files, self.sent_bytes, float(self.dumped)


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
    return Work(last.files, last.files, last.bytes, last.dumped)


def final(past: Sequence[Past], age: timedelta) -> Work | None:
    """Return the work of a run that sends what has changed in `age`; None if no run ever did.

    What changes is taken to go on as it did so far, up to everything. How far it may differ rests
    on how much was seen: a run right after another that found nothing to send tells little.
    """
    runs = _enough(past)
    told = [one for one in runs if one.since is not None]
    spans = sum((one.started - one.since).total_seconds() for one in told if one.since is not None)
    if not told or spans <= 0:
        return None
    last, times = runs[-1], age.total_seconds() / spans
    files, size = sum(one.sent_files for one in told), sum(one.sent_bytes for one in told)
    change = _CHANGE * (1 + log2(max(1.0, times)) / 2) / sqrt(len(told))
    # Beside how fast things change, chance has its share: a count differs by its root. One is added
    # to it, as to have seen none does not mean that there never is one.
    chance = sqrt(files + 1)
    mean = size / files if files else last.bytes / max(1, last.files)
    sigma = hypot(change * files, chance), hypot(change * size, chance * mean)
    quantile = _student(len(told) + 1)
    limits = float(last.files), float(last.bytes)
    sent = min(limits[0], times * files), min(limits[1], times * size)
    spread = quantile * times * sigma[0], quantile * times * sigma[1]
    least = max(0.0, sent[0] - spread[0]), max(0.0, sent[1] - spread[1])
    most = min(limits[0], sent[0] + spread[0]), min(limits[1], sent[1] + spread[1])
    return Work(last.files, *sent, last.dumped, least, most)


def foretell(past: Sequence[Past], work: Work) -> Forecast:
    """Return how long the work will take. Raise Refused when too few runs are known."""
    runs = _enough(past)
    features = [
        Work(one.files, one.sent_files, one.sent_bytes, one.dumped).features for one in runs
    ]
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
    half = _student(freedom) * sqrt((known + _noise(seconds) ** 2) * spread)
    down, up = (_differs(numbers, work, amount) for amount in (work.least, work.most))
    return Forecast(
        seconds, max(0.0, seconds - hypot(half, down)), seconds + hypot(half, up), len(runs)
    )


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


def _differs(numbers: Row, work: Work, amount: Amount | None) -> float:
    """Return the seconds by which the run differs if it sends so much."""
    files, size = amount or (work.sent_files, work.sent_bytes)
    return numbers[2] * (files - work.sent_files) + numbers[3] * (size - work.sent_bytes)


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
