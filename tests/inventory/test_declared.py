"""What people declare: read as far as asked, wrong in all files at once."""

from __future__ import annotations

import os
import shutil

import pytest

from ops.errors import UsageError
from ops.inventory.problems import Broken
from ops.inventory.repository import Repository
from tests.support.inventories import edit


def test_an_unknown_component_is_told_with_the_nearest_name(repo: Repository) -> None:
    with pytest.raises(UsageError, match="there is no component wikki; did you mean wiki"):
        repo.component("wikki")


def test_a_component_is_read_without_the_others(repo: Repository) -> None:
    (repo.path / "components" / "lists.yaml").write_text("broken: [")
    assert repo.component("wiki").owner == "documentation lead"
    with pytest.raises(Broken):
        repo.components()


def test_the_faults_of_all_files_come_at_once(repo: Repository) -> None:
    edit(repo, "site.yaml", "become: sudo", "becom: sudo")
    edit(repo, "components/wiki.yaml", "owner:", "ownr:")
    edit(repo, "components/lists.yaml", "owner: postmaster", "owner: postmaster\nowner: x")
    (repo.path / "components" / "Bad_Name.yaml").write_text("")
    (repo.path / "components" / "more.yml").write_text("")
    files = [problem.file for problem in repo.problems()]
    assert sorted(set(files)) == [
        "components/Bad_Name.yaml",
        "components/lists.yaml",
        "components/more.yml",
        "components/wiki.yaml",
        "site.yaml",
    ]


def test_what_is_no_file_is_one_fault_among_all(repo: Repository) -> None:
    folder = repo.path / "components"
    (folder / "a.yaml").mkdir()
    (folder / "b.yaml").symlink_to("nowhere")
    os.mkfifo(folder / "c.yaml")
    with (folder / "d.yaml").open("wb") as file:
        file.truncate(9_000_000)
    assert [(problem.file[11:12], problem.words) for problem in repo.problems()] == [
        ("a", "is no file"),
        ("b", "can't be read: No such file or directory"),
        ("c", "is no file"),
        ("d", "is larger than 8000000 bytes"),
    ]


def test_components_that_need_each_other_are_a_fault(repo: Repository) -> None:
    edit(repo, "components/directory.yaml", "depends: []", "depends: [wiki]")
    assert any("goes in a circle" in problem.words for problem in repo.problems())


def test_templates_are_the_inventorys_own_before_the_suites(repo: Repository) -> None:
    assert repo.template("wiki/local.php") == repo.path / "templates" / "wiki" / "local.php"
    (repo.path / "templates" / "report.html.j2").write_text("mine")
    assert repo.template("report.html.j2").read_text() == "mine"
    (repo.path / "templates" / "report.html.j2").unlink()
    assert repo.template("report.html.j2").parent == repo.project / "templates"


def test_components_that_can_not_be_listed_are_told(repo: Repository) -> None:
    shutil.rmtree(repo.path / "components")
    assert repo.names() == []
    (repo.path / "components").touch()
    with pytest.raises(NotADirectoryError):
        repo.names()
