"""The crontab: planned, installed, read back; by a stand-in that keeps it as crontab(1) does."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.backup import crontab
from ops.errors import OpsError, Refused
from ops.inventory.repository import Repository
from ops.plan import Plan
from tests.support.inventories import edit, new_inventory

STAND_IN = """#!/bin/sh
kept={folder}/kept
case $1 in
-l) [ -f "$kept" ] && exec cat "$kept"; echo "no crontab for me" >&2; exit 1 ;;
-) cat >"$kept.new"
   ! grep -q refuse "$kept.new" || {{ echo '"-":1: bad minute' >&2; exit 1; }}
   mv "$kept.new" "$kept" ;;
esac
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "crontab"
    program.write_text(STAND_IN.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setattr(crontab, "_PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "kept"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return new_inventory(tmp_path / "inventory")


def planned(repo: Repository) -> Plan:
    before = crontab.read()
    return crontab.plan(before, crontab.wanted(repo, before), str(repo.path))


def test_the_schedule_is_installed_and_recorded_and_then_there_is_nothing_to_do(
    repo: Repository, kept: Path
) -> None:
    kept.write_bytes(b"# mine \xff\n1 2 3 4 5 mine")
    crontab.install(repo, planned(repo))
    assert kept.read_bytes().startswith(b"# mine \xff\n1 2 3 4 5 mine\n# BEGIN ops-suite ")
    assert b"backup.watch" in kept.read_bytes()
    assert not planned(repo)
    assert repo.record(next(repo.runs(task="backup.schedule"))).verdict == "done"
    assert (repo.var / "log").is_dir()


def test_a_change_of_the_inventory_is_a_change_of_the_block(repo: Repository, kept: Path) -> None:
    crontab.install(repo, planned(repo))
    edit(repo, "site.yaml", '"20 7 * * *"', '"21 8 * * *"')
    again = Repository(repo.path, repo.project)
    before = crontab.read()
    shown = crontab.diff(before, crontab.wanted(again, before))
    assert [line[:11] for line in shown if line.startswith(("-2", "+2"))] == [
        "-20 7 * * *", "+21 8 * * *",
    ]  # fmt: skip


def test_a_crontab_that_changed_since_the_plan_is_left_alone(repo: Repository, kept: Path) -> None:
    decided = planned(repo)
    kept.write_bytes(b"1 2 3 4 5 new\n")
    with pytest.raises(Refused, match="changed since"):
        crontab.install(repo, decided)
    assert kept.read_bytes() == b"1 2 3 4 5 new\n"


def test_what_cron_does_not_take_is_told_and_recorded(repo: Repository, kept: Path) -> None:
    kept.write_bytes(b"# refuse\n")
    with pytest.raises(OpsError, match="bad minute; it is as it was"):
        crontab.install(repo, planned(repo))
    assert repo.record(next(repo.runs(task="backup.schedule"))).verdict == "failed"


def test_a_machine_without_cron_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crontab, "_PATH", "/nowhere")
    with pytest.raises(OpsError, match="no crontab"):
        crontab.read()
