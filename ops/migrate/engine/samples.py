"""Samples of the meter: one a second, and what they say in sum."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """A look at the transfer: when (seconds since the run began), where it stands, how busy.

    `files` and `bytes` count what was sent of the data set so far, `retries` what had to be sent
    again because a connection broke. Loads are the busy share of all processors of that end, 0
    to 1, None where it was not measured. `streams` are the bytes that each lane has sent, where
    there are several; `stream_files` and `stream_retries` are theirs, of lanes that have some.
    `round_trip_ms` is the mean over the connections, and `retransmits` the packets they have
    sent again, by the source's `ss`. `total_*` are what was found to be sent, where that is known.
    """

    second: float
    data_set: str
    phase: str
    files: int = 0
    bytes: int = 0
    source_load: float | None = None
    target_load: float | None = None
    streams: Mapping[str, int] | None = None
    round_trip_ms: float | None = None
    retransmits: int | None = None
    retries: int = 0
    stream_files: Mapping[str, int] | None = None
    stream_retries: Mapping[str, int] | None = None
    total_bytes: int | None = None
    total_files: int | None = None


@dataclass(frozen=True)
class Phase:
    """A stretch of the run: what was done for which data set, from when to when."""

    data_set: str
    name: str
    start: float
    end: float


def read(path: Path) -> list[Sample]:
    """Return the samples of a run; of a file cut short by a crash, those that are whole."""
    samples: list[Sample] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                samples.append(Sample(**json.loads(line)))
    except (EOFError, ValueError, zlib.error):
        return samples
    return samples


def line(sample: Sample) -> str:
    """Return a sample as a line of JSON, without what is not known."""
    known = {name: value for name, value in asdict(sample).items() if value is not None}
    return json.dumps(known, separators=(",", ":")) + "\n"


def rates(samples: Sequence[Sample], over: float = 1) -> list[tuple[float, float]]:
    """Return (second, bytes a second) for each sample but the first.

    Each is the mean over the last `over` seconds of the data set, or over the time since the
    sample before. rsync tells its progress at most once a second, so that of one sample alone
    may be none or twice what is true.
    """
    return rates_of(samples, [sample.bytes for sample in samples], over)


def rates_of(
    samples: Sequence[Sample], sent: Sequence[float], over: float
) -> list[tuple[float, float]]:
    """Return what `rates` does for bytes counted otherwise, one number a sample."""
    found: list[tuple[float, float]] = []
    for index in range(1, len(samples)):
        since, now = _since(samples, index, over), samples[index]
        same = samples[since].data_set == now.data_set
        moved = sent[index] - (sent[since] if same else 0)
        if now.second > samples[since].second:
            found.append((now.second, max(0.0, moved) / (now.second - samples[since].second)))
    return found


def _since(samples: Sequence[Sample], index: int, over: float) -> int:
    """Return the sample from which on the rate is measured: far enough, of the same data set."""
    now, since = samples[index], index - 1
    while (
        since > 0
        and now.second - samples[since].second < over
        and samples[since - 1].data_set == now.data_set
    ):
        since -= 1
    return since


def phases(samples: Iterable[Sample]) -> list[Phase]:
    """Return the phases in order; each ends where the next one starts."""
    runs = [list(group) for _, group in groupby(samples, attrgetter("data_set", "phase"))]
    ends = [run[0].second for run in runs[1:]] + [run[-1].second for run in runs[-1:]]
    return [
        Phase(run[0].data_set, run[0].phase, run[0].second, end)
        for run, end in zip(runs, ends, strict=True)
    ]


def mean_load(samples: Iterable[Sample], side: str) -> float | None:
    """Return the mean load of one end ("source" or "target") while data was moved."""
    loads: list[float] = [
        load
        for sample in samples
        if sample.phase == "transfer" and (load := getattr(sample, f"{side}_load")) is not None
    ]
    return sum(loads) / len(loads) if loads else None


def busy(before: bytes, after: bytes) -> float | None:
    """Return the busy share between two readings of /proc/stat's first line, None if unknown.

    Its numbers are clock ticks: user nice system idle iowait irq softirq steal (proc(5)).
    """
    first, second = _ticks(before), _ticks(after)
    if first is None or second is None or second[1] <= first[1]:
        return None
    idle, total = second[0] - first[0], second[1] - first[1]
    return min(1.0, max(0.0, 1 - idle / total))


def sockets(text: bytes) -> tuple[float, int] | None:
    """Return mean round trip in ms, and packets sent again, from lines of `ss -ti`.

    None when there is no connection. `retrans:` has those of now and of all the time, and is
    left out where there were none (ss(8)).
    """
    trips = [float(found) for found in re.findall(rb"\brtt:([\d.]+)/", text)]
    again = [int(found) for found in re.findall(rb"\bretrans:\d+/(\d+)", text)]
    return (round(sum(trips) / len(trips), 1), sum(again)) if trips else None


def _ticks(stat: bytes) -> tuple[int, int] | None:
    words = stat.split()
    if len(words) < 9 or words[0] != b"cpu" or not all(word.isdigit() for word in words[1:9]):
        return None
    ticks = [int(word) for word in words[1:9]]
    return ticks[3] + ticks[4], sum(ticks)
