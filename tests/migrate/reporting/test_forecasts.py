"""Forecasts from records, and what became of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.errors import Refused, UsageError
from ops.migrate import metered
from ops.migrate.reporting import forecasts
from tests.migrate.fleet import Fleet, fleet
from tests.support.bars import silent


def _run(here: Fleet, new: str, limit_mbit: int = 0) -> str:
    (here.source / new).write_bytes(b"x" * 1000)
    return metered.rehearse(here.repo, "wiki", limit_mbit=limit_mbit, bars=silent).run


def test_from_the_third_run_on_the_record_says_how_far_off_the_forecast_was(
    tmp_path: Path,
) -> None:
    with fleet(tmp_path) as here:
        runs = [_run(here, f"page {number}") for number in range(3)]
        figures = [here.repo.record(run).figures for run in runs]
        assert ["forecast" in each for each in figures] == [False, False, True]
        told = figures[2]["forecast"]
        assert (told["kind"], told["runs"]) == ("final", 2)
        assert told["off"] == pytest.approx(figures[2]["seconds"] / told["seconds"] - 1, abs=0.01)
        assert told["inside"] == (told["low"] <= figures[2]["seconds"] <= told["high"])
        full, final = forecasts.foretold(here.repo, "wiki", "7d")
        assert (full.work.files, final.work.sent_files) == (3, 3)
        assert "7 d 0 h after the last" in final.words()
        json.dumps([full.data(), final.data()])


def test_runs_that_were_held_back_tell_nothing(tmp_path: Path) -> None:
    with fleet(tmp_path) as here:
        _run(here, "one")
        _run(here, "two", limit_mbit=100)
        with pytest.raises(Refused, match="wiki: there is one recorded run only") as refused:
            forecasts.foretold(here.repo, "wiki")
        assert "fab migrate.metered app=wiki" in refused.value.hint


def test_an_age_is_a_duration(tmp_path: Path) -> None:
    with fleet(tmp_path) as here:
        for name in ("one", "two"):
            _run(here, name)
        with pytest.raises(UsageError, match="age=soon"):
            forecasts.foretold(here.repo, "wiki", "soon")
