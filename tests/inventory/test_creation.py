"""A new inventory: whole, private where it must be, ready for tasks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ops.errors import OpsError, Refused
from ops.inventory import machine
from ops.inventory.creation import create
from ops.inventory.repository import Repository
from tests.support.inventories import PROJECT, SAMPLE


def test_a_new_inventory_is_ready_for_tasks(tmp_path: Path) -> None:
    repo = create(SAMPLE, tmp_path / "new", PROJECT)
    repo.writable()
    repo.clean("wiki")
    repo.signer({})
    assert repo.problems() == [] and repo.site().controller.name == machine.host_name()
    assert repo.git.run("status", "--porcelain") == ""


def test_the_samples_comments_stay(repo: Repository) -> None:
    ours, theirs = ((path / "site.yaml").read_text() for path in (repo.path, SAMPLE))
    assert ours.count("#") == theirs.count("#")


def test_keys_are_private_and_no_part_of_the_history(repo: Repository) -> None:
    modes = {p.name: p.stat().st_mode & 0o777 for p in (repo.var / "keys").iterdir()}
    assert modes["signing"] == modes["login"] == 0o600
    assert repo.var.stat().st_mode & 0o077 == 0
    assert "var/" not in repo.git.run("ls-files")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(Refused, match="not empty"):
        create(SAMPLE, tmp_path, PROJECT)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert create(SAMPLE, tmp_path / "empty", PROJECT).names()


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(OpsError, match="not installed"):
        create(SAMPLE, tmp_path / "new", PROJECT)
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_it_is_a_repository_that_a_person_can_use(repo: Repository) -> None:
    said = subprocess.run(
        ["git", "-C", str(repo.path), "log", "--format=%s %an"], capture_output=True, check=True
    )
    assert said.stdout.decode() == f"Begin the inventory {machine.user_name()}\n"
