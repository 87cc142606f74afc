"""Changes: several files, one commit, also when the first try was cut short."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from ops.inventory import changes
from ops.inventory.changes import Change, digest
from ops.inventory.git import Author
from ops.inventory.repository import Repository

US = Author("ops", "ops@example.edu")


def change(**contents: str) -> Change:
    return Change("R1", "words\n", US, {f"state/{k}.yaml": v for k, v in contents.items()})


def left_behind(repo: Repository, one: Change) -> None:
    """Leave the note of a change as a crash does right after it was written."""
    folder = repo.var / "pending"
    folder.mkdir(exist_ok=True)
    (folder / f"{one.name}.json").write_text(json.dumps(asdict(one)))


def subjects(repo: Repository) -> list[str]:
    return repo.git.run("log", "--format=%s").splitlines()


def test_files_are_written_and_committed_together(repo: Repository) -> None:
    changes.carry_out(repo.git, change(wiki="a", lists="b"))
    shown = repo.git.run("show", "--name-only", "--format=%s%n%an", "HEAD").split()
    assert shown == ["words", "ops", "state/lists.yaml", "state/wiki.yaml"]
    assert list((repo.var / "pending").iterdir()) == []


def test_what_a_crash_left_is_finished_once(repo: Repository) -> None:
    left_behind(repo, change(wiki="a"))
    assert changes.finish(repo.git) == ["R1"] and changes.finish(repo.git) == []
    assert (repo.path / "state" / "wiki.yaml").read_text() == "a"
    assert subjects(repo) == ["words", "Begin the inventory"]


def test_a_change_that_was_committed_before_the_crash_is_not_committed_again(
    repo: Repository,
) -> None:
    changes.carry_out(repo.git, change(wiki="a"))
    left_behind(repo, change(wiki="a"))
    changes.finish(repo.git)
    assert subjects(repo) == ["words", "Begin the inventory"]


@pytest.mark.parametrize(("now", "then"), [("old", "new"), ("edited", "edited"), ("new", "new")])
def test_what_a_person_wrote_since_the_crash_stays(repo: Repository, now: str, then: str) -> None:
    site = repo.path / "site.yaml"
    site.write_text(now)
    one = Change("R1", "w\n", US, {"site.yaml": "new"}, {"site.yaml": digest(b"old")})
    left_behind(repo, one)
    changes.finish(repo.git)
    assert site.read_text() == then


def test_a_half_written_note_is_no_change(repo: Repository) -> None:
    (repo.var / "pending").mkdir()
    (repo.var / "pending" / ".R1.json.ops-tmp").write_text('{"name"')
    assert changes.finish(repo.git) == []
    assert list((repo.var / "pending").iterdir()) == []
