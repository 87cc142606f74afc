"""The README has every task, as it is typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import fabfile
from tests.structure.modules import PROJECT
from tests.structure.task_table import rows, written


def test_the_task_table_is_as_the_tasks_are() -> None:
    assert written() == rows(), "`make readme` writes the table anew"


def test_every_task_says_what_it_does() -> None:
    assert [row for row in rows() if row.endswith("|  |")] == []


def test_the_table_has_what_fab_lists() -> None:
    fab = Path(sys.executable).with_name("fab")
    done = subprocess.run(
        [fab, "--list"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    listed = {
        line.split()[0] for line in done.splitlines() if line.startswith("  ") and line[2] > " "
    }
    assert listed == set(fabfile.namespace.task_names)
