"""The schedule on a controller of its own: Debian's crontab(1), and its cron that runs a task."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.controller import Controller, controller
from tests.support.fabric_tree import FAB, PROJECT

pytestmark = pytest.mark.lab

MINE = b"# mine, with \xc3\xa9 and a %\nMAILTO=me\n\t5 4 * * *   true % 1\n@yearly true\n"
PATIENCE = 300


@pytest.fixture(scope="module")
def papa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """A controller whose schedule is installed, and due every minute."""
    with controller(tmp_path_factory.mktemp("papa")) as booted:
        booted.run("crontab", "-", stdin=MINE)
        booted.edit("jitter: 2m", "jitter: 1s")
        booted.edit('"20 7 * * *"', '"* * * * *"')
        done = booted.fab("backup.schedule")
        assert done.returncode == 0, done.stderr
        assert b"+* * * * * OPS_INVENTORY=/srv/inventory" in done.stdout
        yield booted


def test_every_other_byte_of_the_crontab_stays_and_again_there_is_nothing_to_do(
    papa: Controller,
) -> None:
    before = papa.run("crontab", "-l").stdout
    assert before.startswith(MINE + b"# BEGIN ops-suite /srv/inventory")
    done = papa.fab("backup.schedule")
    assert done.returncode == 0 and b"nothing to do" in done.stdout
    assert papa.run("crontab", "-l").stdout == before


def test_damaged_marks_are_refused(papa: Controller) -> None:
    before = papa.run("crontab", "-l").stdout
    damaged = before.replace(b"# END ops-suite", b"# end ops-suite")
    papa.run("crontab", "-", stdin=damaged)
    done = papa.fab("backup.schedule")
    assert done.returncode == 3 and b"damaged (line 5)" in done.stderr
    assert papa.run("crontab", "-l").stdout == damaged
    papa.run("crontab", "-", stdin=before)


def test_two_at_once_install_one_schedule(papa: Controller) -> None:
    papa.edit("limit: 6h", "limit: 5h")
    both = [papa.start(str(FAB), "-r", str(PROJECT), "backup.schedule") for _ in range(2)]
    codes = sorted(one.communicated().returncode for one in both)
    assert codes in ([0, 0], [0, 3])
    now = papa.run("crontab", "-l").stdout
    assert now.startswith(MINE) and now.count(b"# BEGIN ops-suite") == 1
    assert b" 18000 1 " in now


def test_cron_runs_a_task_in_its_own_environment(papa: Controller) -> None:
    log = papa.path("var/log/schedule.log")
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not _ended(log):
        time.sleep(0.5)
    text = log.read_text()
    assert "begins: " in text and "documents archive: there is none" in text
    assert "failed with 1: " in text  # so cron mails it: the sample's backups are all to be made


def _ended(log: Path) -> bool:
    """Return whether one has ended so; it may have begun while a test changed what it reads."""
    return log.exists() and "failed with 1: " in log.read_text()
