"""Copies between any two hosts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.errors import Refused
from ops.inventory import machine
from ops.inventory.locks import Holder, component_lock
from ops.migrate import copies
from ops.migrate.reporting import reports
from ops.migrate.reporting.figures import Summary
from tests.migrate.fleet import Fleet, fleet
from tests.support.bars import silent
from tests.support.inventories import SAMPLE


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Fleet]:
    with fleet(tmp_path) as made:
        for number in range(10):
            (made.source / f"page {number}").write_bytes(b"x" * 1000)
        shutil.copy(SAMPLE / "prices.yaml", made.repo.path)
        made.repo.git.commit(["prices.yaml"], "Tell the prices", machine.suite())
        yield made


def _asked(here: Fleet) -> copies.Copy:
    target = f"wiki.cloud.main:{here.target.parent}/copied"
    return copies.asked(here.repo, f"wiki.campus.main:{here.source}", target, os.environ, "*9")


def _copied(here: Fleet, allow_existing: int = 0) -> Summary:
    return copies.copied(here.repo, _asked(here), allow_existing=allow_existing, bars=silent)


def test_a_copy_is_moved_recorded_and_reported(here: Fleet) -> None:
    summary = _copied(here)
    assert (summary.verdict, summary.sent_files) == ("done", 9)
    assert len(list((here.target.parent / "copied").iterdir())) == 9
    record = here.repo.record(summary.run)
    assert (record.task, record.component, record.verdict) == ("migrate.copy", None, "done")
    here.repo.verify_signature(summary.run)
    anew = reports.reported(here.repo, [summary.run])[1].read_text()
    assert f"Transfer of {_asked(here).source} -&gt; {_asked(here).target}" in anew
    first = (here.repo.run_folder(summary.run) / "report.html").read_text()
    assert anew.count("Cost of the traffic") == first.count("Cost of the traffic") == 1
    assert "ops-migrate" not in here.keys


def test_a_second_copy_sends_nothing(here: Fleet) -> None:
    _copied(here)
    assert _copied(here).sent_files == 0


def test_data_of_others_needs_a_counted_argument(here: Fleet) -> None:
    (here.target.parent / "copied").mkdir()
    (here.target.parent / "copied/foreign").write_bytes(b"")
    with pytest.raises(Refused, match="1 files that no recorded copy"):
        copies.planned(here.repo, _asked(here))
    assert _copied(here, allow_existing=1).verdict == "done"


def test_the_plan_changes_nothing(here: Fleet) -> None:
    plan = copies.planned(here.repo, _asked(here))
    assert [step.kind for step in plan.steps] == ["root.make", "files.move"]
    assert not (here.target.parent / "copied").exists()


def test_two_equal_copies_do_not_run_at_once(here: Fleet) -> None:
    name = _asked(here).name
    holder = Holder("migrate.copy", "R1", 1, "2026-11-01T00:00:00Z")
    with (
        component_lock(here.repo.var, name, holder),
        pytest.raises(Refused, match=r"migrate.copy \(run R1, .* is at work"),
    ):
        _copied(here)
    assert not (here.target.parent / "copied").exists()
    assert _copied(here).verdict == "done"
