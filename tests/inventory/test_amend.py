"""Setting one value: valid, committed, and nothing else touched."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ops.errors import OpsError, Refused, UsageError
from ops.inventory import amend, changes
from ops.inventory.repository import Repository
from tests.support.crash import dies
from tests.support.inventories import PROJECT, SAMPLE, edit


def set_value(repo: Repository, key: str, value: str) -> None:
    amend.carry_out(repo, amend.decide(repo, "wiki", key, value))


def test_a_value_is_set_and_committed_with_words(repo: Repository) -> None:
    set_value(repo, "backup.keep.daily", "14")
    backup = repo.component("wiki").backup
    assert backup is not None and backup.keep.daily == 14
    assert repo.history("wiki", 1)[0].words == "wiki: backup.keep.daily 7 -> 14"
    repo.clean("wiki")


def test_the_rest_of_the_file_stays(repo: Repository) -> None:
    set_value(repo, "backup.keep.daily", "14")
    old = (SAMPLE / "components" / "wiki.yaml").read_text()
    assert repo.source("wiki") == old.replace("daily: 7", "daily: 14")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [("description", "12", "12"), ("owner", "no", "no"), ("depends", "[lists]", ["lists"])],
)
def test_a_value_is_read_as_the_key_needs_it(
    repo: Repository, key: str, text: str, value: Any
) -> None:
    set_value(repo, key, text)
    assert getattr(repo.component("wiki"), key) == value


def test_what_is_so_already_is_nothing_to_do(repo: Repository) -> None:
    assert not amend.decide(repo, "wiki", "backup.keep.daily", "7").plan


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("backup.keep.dayly", "14", "did you mean daily?"),
        ("backup.keep.daily", "many", "a number without a point is wanted"),
        ("depends", "[wikki]", "nothing is called wikki"),
        ("owner.name", "x", "no place for a value"),
        ("a..b", "x", "is no key"),
    ],
)
def test_what_would_not_be_valid_is_not_set(
    repo: Repository, key: str, text: str, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        amend.decide(repo, "wiki", key, text)
    assert words in caught.value.message


def test_uncommitted_edits_are_not_taken_along(repo: Repository) -> None:
    edit(repo, "components/wiki.yaml", "Team wiki", "Our wiki", commit=False)
    with pytest.raises(Refused, match="uncommitted edits"):
        set_value(repo, "owner", "x")


def test_an_edit_meanwhile_is_not_overwritten(repo: Repository) -> None:
    decided = amend.decide(repo, "wiki", "owner", "x")
    edit(repo, "components/wiki.yaml", "Team wiki", "Our wiki")
    with pytest.raises(OpsError, match="changed meanwhile"):
        amend.carry_out(repo, decided)


def test_the_sample_is_not_set() -> None:
    repo = Repository(SAMPLE, PROJECT)
    with pytest.raises(Refused, match="sample"):
        amend.carry_out(repo, amend.decide(repo, "wiki", "owner", "x"))


def test_a_crash_at_any_file_operation_leaves_the_value_set_or_not(
    repo: Repository, tmp_path: Path
) -> None:
    for at in itertools.count(1):
        copy = Repository(tmp_path / str(at), PROJECT)
        shutil.copytree(repo.path, copy.path)
        died, told = dies(partial(work, copy), at)
        with copy.locked() as git:
            changes.finish(git)
        copy.clean("wiki")
        backup = copy.component("wiki").backup
        assert backup is not None and backup.keep.daily in ([14] if told else [7, 14])
        assert list(copy.path.rglob("*.ops-tmp")) == []
        if not died:
            break
    assert at > 30


def work(repo: Repository, say: Callable[[str], object]) -> None:
    set_value(repo, "backup.keep.daily", "14")
    say("set")


def test_a_file_with_windows_line_ends_keeps_them(repo: Repository) -> None:
    path = repo.path / "components" / "wiki.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    repo.git.run("add", "components")
    repo.git.run("-c", "user.name=p", "-c", "user.email=p@x", "commit", "-qm", "edit")
    expected = path.read_bytes().replace(b"daily: 7", b"daily: 14")
    set_value(repo, "backup.keep.daily", "14")
    assert path.read_bytes() == expected and repo.history("wiki", 1)[0].words.startswith("wiki:")
