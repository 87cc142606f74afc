"""The meter looks each second, and keeps what it sees."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ops.migrate.engine import meter as metering
from ops.migrate.engine.meter import Load, Meter
from ops.migrate.engine.samples import Sample, read
from ops.remote.local import LocalHost


def test_samples_are_kept_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "PERIOD", 0.01)
    told: list[Sample] = []
    with Meter(tmp_path / "meter", told.append) as meter:
        meter.enter("pages", "transfer")
        meter.at(1000, 2)
        while len(told) < 10:
            time.sleep(0.01)
    assert read(tmp_path / "meter") == meter.samples == told
    last = told[-1]
    assert (last.data_set, last.phase, last.files, last.bytes) == ("pages", "transfer", 2, 1000)


def test_what_was_reached_before_a_phase_ends_is_seen(tmp_path: Path) -> None:
    with Meter(tmp_path / "meter") as meter:
        meter.enter("pages", "transfer")
        meter.at(1000, 2)
        meter.enter("pages", "tidy")
        meter.enter("media", "transfer")
    seen = [(one.data_set, one.phase, one.bytes) for one in meter.samples]
    assert ("pages", "transfer", 1000) in seen
    assert ("media", "transfer", 0) in seen


def test_the_load_of_a_host_is_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "PERIOD", 0.2)
    load = Load(LocalHost())
    try:
        while (share := load.share) is None:  # so it is again, when a look takes too long
            time.sleep(0.01)
    finally:
        load.stop()
    assert 0 <= share <= 1
