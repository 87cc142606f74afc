"""Reports made anew from records."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import UsageError
from ops.migrate import metered
from ops.migrate.reporting import reports
from tests.migrate.fleet import fleet
from tests.support.bars import silent


def test_a_page_made_anew_leaves_the_signed_one_alone(tmp_path: Path) -> None:
    with fleet(tmp_path) as here:
        (here.source / "page").write_bytes(b"x" * 1000)
        done = metered.rehearse(here.repo, "wiki", bars=silent)
        signed = here.repo.run_folder(done.run) / "report.html"
        before = signed.stat()
        (told,), page = reports.reported(here.repo, [done.run])
        assert told == done
        assert "everything arrived" in page.read_text()
        assert signed.stat() == before
        here.repo.verify_signature(done.run)
        _, both = reports.reported(here.repo, [done.run, done.run])
        assert "side by side" in both.read_text()
        assert {page.parent, both.parent} == {signed.parent}


def test_a_run_that_moved_nothing_has_no_report(tmp_path: Path) -> None:
    with fleet(tmp_path) as here, pytest.raises(UsageError):
        reports.reported(here.repo, ["20261122T000000Z_nothing"])
