"""A lab brought up, crashed and taken down."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.errors import OpsError, Refused
from ops.inventory.repository import Repository
from ops.lab import lab, traces
from ops.lab.record import Lab, Ready
from tests.support import labs

TINY = lab.Wanted(files=1, pages=1, largest_mb=1)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder for a lab; a lab that a failed test leaves there is taken down."""
    yield tmp_path / "lab"
    if (tmp_path / "lab" / "lab.json").exists():
        lab.down(tmp_path / "lab")


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(Refused, match="not empty"):
        lab.up(tmp_path, "light", TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_no_lab_is_told(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="no lab in"):
        lab.down(tmp_path)


def test_the_inventory_is_valid_and_may_be_changed(light_lab: Lab) -> None:
    repository = Repository(light_lab.inventory, lab.PROJECT)
    assert repository.problems() == []
    repository.writable()
    assert repository.names() == ["documents", "wiki"]
    assert repository.pinned("wiki.campus.main") == labs.reached(light_lab).hosts["wiki"].host_key


def test_a_light_lab_comes_and_goes(folder: Path) -> None:
    made = lab.up(folder, "light", TINY)
    assert all(lab.status(folder).hosts.values())
    lab.down(folder)
    assert traces.found(made) == [] and not folder.exists()


def test_the_inventory_may_stay(folder: Path) -> None:
    lab.up(folder, "light", TINY)
    lab.down(folder, keep_inventory=True)
    assert [path.name for path in folder.iterdir()] == ["inventory"]


def test_a_light_lab_goes_after_its_program_was_killed(folder: Path) -> None:
    made = lab.up(folder, "light", TINY)
    os.kill(labs.reached(made).daemon, signal.SIGKILL)
    assert [line for line in traces.found(made) if line.startswith("process")]
    lab.down(folder)
    assert traces.found(made) == [] and not folder.exists()


@pytest.mark.lab
def test_the_wiki_answers_with_its_pages(full_lab: Lab, ready: Ready) -> None:
    page = f"http://{ready.hosts['wiki'].address}/doku.php?id=start"
    with urllib.request.urlopen(page, timeout=60) as answer:
        assert b"Campus operations handbook" in answer.read()


@pytest.mark.lab
def test_campus_hosts_run_in_order_and_let_in_their_account_only(
    full_lab: Lab, ready: Ready
) -> None:
    for name, host in ready.hosts.items():
        asked = "systemctl is-system-running --wait && sudo -n true"
        key_name = f"{name}.campus.main"
        let_in = labs.ssh(full_lab, f"ops@{host.address}", asked, key_name=key_name)
        assert (let_in.returncode, let_in.stdout) == (0, "running\n")
        assert labs.ssh(full_lab, f"root@{host.address}", "true").returncode == 255


@pytest.mark.lab
def test_two_labs_run_at_once_and_a_killed_one_leaves_nothing(full_lab: Lab, folder: Path) -> None:
    made = lab.up(folder, "full", TINY)
    os.kill(labs.reached(made).daemon, signal.SIGKILL)
    kinds = {line.split()[0] for line in traces.found(made)}
    assert kinds == {"process", "mount", "network", "interface", "control"}
    lab.down(folder)
    assert traces.found(made) == [] and not folder.exists()
    assert all(lab.status(full_lab.path).hosts.values())
