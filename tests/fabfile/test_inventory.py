"""The inventory tasks, as a person types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ops.inventory.repository import Repository
from tests.support.inventories import PROJECT, edit, new_inventory


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return new_inventory(tmp_path_factory.mktemp("shared") / "inventory")


def fab(
    *words: str, inventory: Repository | str = "", cwd: Path = PROJECT
) -> subprocess.CompletedProcess[str]:
    """Return what `fab WORDS` gives with that inventory; "" stands for none named."""
    path = inventory if isinstance(inventory, str) else str(inventory.path)
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "OPS_INVENTORY": path}
    program = str(Path(sys.executable).with_name("fab"))
    return subprocess.run(
        [program, "-r", str(PROJECT), *words],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_init_makes_an_inventory_and_prints_the_line_that_selects_it(tmp_path: Path) -> None:
    done = fab("inventory.init", f"path={tmp_path / 'mine'}")
    assert done.returncode == 0 and done.stdout == f"export OPS_INVENTORY={tmp_path / 'mine'}\n"
    assert fab("inventory.validate", inventory=str(tmp_path / "mine")).returncode == 0


def test_init_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    done = fab("inventory.init", f"path={tmp_path}")
    assert done.returncode == 3 and "not empty" in done.stderr


def test_list_and_show_speak_json(shared: Repository) -> None:
    listed = json.loads(fab("inventory.list", "json=true", inventory=shared).stdout)
    assert listed["wiki"]["phase"] == "declared"
    shown = json.loads(fab("inventory.show", "app=wiki", "json=true", inventory=shared).stdout)
    assert shown["component"]["target"]["instances"]["main"]["rules"][0]["from"]


def test_show_prints_the_file_with_its_comments(shared: Repository) -> None:
    assert "# The team's wiki" in fab("inventory.show", "wiki", inventory=shared).stdout


def test_an_unknown_component_ends_in_2_with_the_nearest_name(shared: Repository) -> None:
    done = fab("inventory.show", "app=wikki", inventory=shared)
    assert done.returncode == 2 and "did you mean wiki?" in done.stderr.lower()


def test_set_shows_then_commits(tmp_path: Path) -> None:
    repo = new_inventory(tmp_path / "inventory")
    words = ("inventory.set", "app=wiki", "key=backup.keep.daily", "value=14")
    shown = fab(*words, "plan=true", inventory=repo)
    assert "backup.keep.daily 7 -> 14" in shown.stdout and "daily: 7" in repo.source("wiki")
    done = fab(*words, inventory=repo)
    assert done.returncode == 0 and "daily: 14" in repo.source("wiki")
    told = fab("inventory.history", "app=wiki", inventory=repo).stdout
    assert "wiki: backup.keep.daily 7 -> 14" in told


def test_validate_names_every_fault_and_ends_in_1(tmp_path: Path) -> None:
    repo = new_inventory(tmp_path / "inventory")
    edit(repo, "components/wiki.yaml", "owner:", "ownr:", commit=False)
    edit(repo, "components/lists.yaml", "depends: [", "depends: [[", commit=False)
    done = fab("inventory.validate", inventory=repo)
    assert done.returncode == 1 and done.stderr == ""
    assert "components/wiki.yaml:4:1: unknown key ownr; did you mean owner?" in done.stdout
    assert "components/lists.yaml:" in done.stdout
    problems = json.loads(fab("inventory.validate", "json=true", inventory=repo).stdout)["problems"]
    assert len(problems) == done.stdout.count("\n")
    assert "-owner:" in fab("inventory.diff", inventory=repo).stdout


def test_a_broken_file_ends_other_tasks_in_1_with_its_places(tmp_path: Path) -> None:
    repo = new_inventory(tmp_path / "inventory")
    edit(repo, "components/wiki.yaml", "owner:", "ownr:", commit=False)
    done = fab("inventory.list", inventory=repo)
    assert done.returncode == 1 and "components/wiki.yaml:4:1: unknown key ownr" in done.stderr


def test_the_sample_is_read_and_refuses_to_change() -> None:
    assert fab("inventory.list").returncode == 0
    done = fab("inventory.set", "app=wiki", "key=owner", "value=x")
    assert done.returncode == 3 and "inventory.init" in done.stderr


def test_no_inventory_ends_in_3_with_the_way_to_one(tmp_path: Path) -> None:
    done = fab("inventory.list", inventory=str(tmp_path))
    assert done.returncode == 3 and "fab inventory.init path=DIR" in done.stderr


def test_docs_prints_the_page() -> None:
    assert fab("inventory.docs").stdout == (PROJECT / "docs" / "inventory.md").read_text()


def test_diff_names_files_that_no_commit_knows(tmp_path: Path) -> None:
    repo = new_inventory(tmp_path / "inventory")
    (repo.path / "components" / "new.yaml").write_text("")
    assert fab("inventory.diff", inventory=repo).stdout == (
        "not committed at all: components/new.yaml\n"
    )


def test_init_without_a_name_is_a_usage_error() -> None:
    assert fab("inventory.init", "path=").returncode == 2
