"""Forecasts from records, and what became of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops import run
from ops.errors import Refused, UsageError
from ops.inventory.repository import Repository
from ops.migrate import metered
from ops.migrate.plan import Facts, SourceFacts, TargetFacts
from ops.migrate.reporting import forecasts
from ops.plan import Step
from tests.migrate.fleet import Fleet, fleet
from tests.support.bars import silent
from tests.support.inventories import new_inventory

START = datetime(2026, 11, 1, tzinfo=UTC)
ALL = 10_000_000_000


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
        took, low, high = figures[2]["seconds"], told["low"], told["high"]
        assert told["seconds"] * (1 + told["off"]) == pytest.approx(took, rel=0.02, abs=0.02)
        # both ends are rounded
        assert told["inside"] in {low - x <= took <= high + x for x in (-0.01, 0.01)}
        (full, final), notes = forecasts.foretold(here.repo, "wiki", "7d")
        assert notes == ["from 3 recorded runs; nine of ten end inside the interval"]
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


def test_an_emptied_target_gets_a_full_run(tmp_path: Path) -> None:
    with fleet(tmp_path) as here:
        for name in ("one", "two"):
            _run(here, name)
        for page in here.target.iterdir():
            page.unlink()
        told = here.repo.record(_run(here, "three")).figures["forecast"]
        assert (told["kind"], told["sent_files"], told["sent_bytes"]) == ("full", 3, 3000)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Return an inventory in which a component's runs are recorded that no host has seen."""
    return new_inventory(tmp_path / "inventory")


def _set(name: str, size: int, sent: int, **more: Any) -> dict[str, Any]:
    counted = {"files": size // 100_000, "bytes": size}
    counted |= {"sent_files": sent // 100_000, "sent_bytes": sent}
    told = {"source": "", "target": "", "verdict": "done", "wire": 0, "seconds": sent / 50e6}
    return {"name": name, **told, **counted, **more}


def _recorded(
    repo: Repository, day: float, *sets: dict[str, Any], verdict: Any = "done", limit: int = 0
) -> None:
    """Record a run of that day; one without sets was killed."""
    arguments = {"limit-mbit": limit} if limit else {}
    at = START + timedelta(days=day)
    with run.begin(repo, forecasts.TASK, "lists", arguments, clock=lambda: at) as under_way:
        under_way.perform(Step("files.move", "archive", "archive"), lambda _: {})
        if sets:
            under_way.figure("seconds", 5 + sum(one["seconds"] for one in sets))
            under_way.figure("sets", list(sets))
        under_way.verdict = verdict


def _since(repo: Repository) -> datetime | None:
    return forecasts.history(repo, "lists").runs[-1].since


def test_what_changed_is_what_was_sent_since_the_run_before_a_limited_one_included(
    repo: Repository,
) -> None:
    _recorded(repo, 0, _set("archive", ALL, ALL))
    _recorded(repo, 3, _set("archive", ALL, 10_000_000), limit=100)
    _recorded(repo, 4, _set("archive", ALL, 5_000_000))
    assert _since(repo) == START + timedelta(days=3)
    told, _ = forecasts.foretold(repo, "lists", "2d")
    assert told[1].work.sent_bytes == pytest.approx(10_000_000)


def test_the_rest_of_a_broken_off_run_is_no_change(repo: Repository) -> None:
    _recorded(repo, 0, _set("archive", ALL, ALL))
    _recorded(repo, 1, verdict="interrupted")
    _recorded(repo, 2, _set("archive", ALL, ALL // 3))
    assert _since(repo) is None
    told, notes = forecasts.foretold(repo, "lists", "7d")
    assert [one.kind for one in told] == ["full"]
    assert "no run yet tells what changes" in notes[0]


def test_a_set_that_no_run_has_moved_is_named(repo: Repository) -> None:
    for day in (0, 1):
        _recorded(repo, day, _set("archive", ALL, ALL))
    notes = forecasts.foretold(repo, "lists")[1]
    assert "not foretold, as no run has moved it: members" in notes


def test_a_database_beside_files_does_not_hide_what_changes(repo: Repository) -> None:
    dump = _set("members", 3 * ALL, 3 * ALL, tables=7)
    _recorded(repo, 0, _set("archive", ALL, ALL), dump)
    _recorded(repo, 1, _set("archive", ALL, 1_000_000), dump)
    told, _ = forecasts.foretold(repo, "lists", "2d")
    assert [one.kind for one in told] == ["full", "final"]
    assert [one.work.size for one in told] == [4 * ALL, 3 * ALL + 2_000_000]


def _facts(there: int) -> Facts:
    return Facts(SourceFacts(True, True, 100, 100, ALL), TargetFacts(True, True, there), own=True)


def _kind(repo: Repository, *there: int) -> str | None:
    found = {f"set {number}": _facts(files) for number, files in enumerate(there)}
    told = forecasts.of_facts(repo, "lists", found, START + timedelta(days=2))
    return told.kind if told else None


def test_a_run_that_neither_brings_all_nor_only_what_changed_is_not_foretold(
    repo: Repository,
) -> None:
    both = [(_set("set 0", ALL, size), _set("set 1", ALL, size)) for size in (ALL, 1_000_000)]
    for day, sets in enumerate(both):
        _recorded(repo, day, *sets)
    assert _kind(repo, 0, 0) == "full"
    assert _kind(repo, 100, 100) == "final"
    assert _kind(repo, 100, 0) is None
    assert _kind(repo, 100, 100, 0) is None
    _recorded(repo, 1.5, verdict="interrupted")
    assert _kind(repo, 100, 100) is None
    assert _kind(repo, 0, 0) == "full"
    assert "the last run did not bring all" in forecasts.foretold(repo, "lists")[1][1]
