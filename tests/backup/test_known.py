"""What is known of backups: from the inventory's files, and quickly from the note of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.backup.known import read
from ops.backup.standing import LONG_AGO, Known
from ops.inventory.repository import Repository
from tests.support.inventories import PROJECT, edit, new_inventory

STATE = """\
instances:
  main:
    id: i-1
    type: t3.small
    zone: us-east-1a
    image: ami-1
    group: sg-1
    private_address: 192.0.2.1
    volumes:
      data: {id: vol-1, size_gib: 40, created_by: 20261120T100000.000Z_provision_wiki_aaaaaa}
snapshot:
  run: 20261122T021600.000Z_backup.snapshot_wiki_bbbbbb
  at: 2026-11-22T02:16:05Z
  level: crash
  ids: {data: snap-1}
runs: {backup.snapshot: 20261122T021600.000Z_backup.snapshot_wiki_bbbbbb}
"""


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = new_inventory(tmp_path / "inventory")
    (made.path / "state").mkdir(exist_ok=True)
    (made.path / "state" / "wiki.yaml").write_text(STATE)
    return made


def of(repo: Repository, name: str = "wiki", kind: str = "snapshot") -> Known:
    found = read(Repository(repo.path, repo.project))
    return next(one for one in found if (one.component, one.kind) == (name, kind))


def test_policy_and_records_make_what_is_known(repo: Repository) -> None:
    wiki = of(repo)
    assert (wiki.schedule, wiki.objective, wiki.drill) == ("15 2 * * *", 93600, 30 * 86400)
    assert wiki.since == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert wiki.last == datetime(2026, 11, 22, 2, 16, 5, tzinfo=UTC)
    assert (wiki.level, wiki.size, wiki.uncopied) == ("crash", 40 * 2**30, "us-west-2")
    assert (wiki.lower, wiki.unlisted) == ("crash consistent only, not filesystem", "")
    (repo.path / "state" / "wiki.yaml").write_text(
        STATE.replace("ids: {data: snap-1}", "ids: {data: snap-1}\n  copies: {data: snap-2}")
    )
    assert of(repo).uncopied == ""


def test_what_was_given_up_is_awaited_no_more(repo: Repository) -> None:
    told = "{run: r, since: 2026-11-22T10:00:00Z, due: 2026-12-22T10:00:00Z, snapshots: {}}"
    (repo.path / "state" / "wiki.yaml").write_text(f"{STATE}retirement: {told}\n")
    assert [one.kind for one in read(repo) if one.component == "wiki"] == ["archive"]


def test_what_is_incomplete_or_unsound_is_known(repo: Repository) -> None:
    assert of(repo).complete
    incomplete = STATE.replace("level: crash", "level: crash\n  complete: false")
    archive = """\
archive:
  run: r2
  at: 2026-11-22T02:16:05Z
  ids: {}
  files: 1
  bytes: 1
  complete: false
  unsound: {part: 3/20, run: r1}
"""
    (repo.path / "state" / "wiki.yaml").write_text(incomplete + archive)
    assert not of(repo).complete
    found = of(repo, "wiki", "archive")
    told = "the repository is not sound, part 3 of 20: r1"
    assert (found.complete, found.unsound) == (False, told)


def test_what_is_not_provisioned_has_nothing_to_back_up_but_an_archive(repo: Repository) -> None:
    assert of(repo, "documents").since is None
    assert of(repo, "documents", "archive").since == LONG_AGO


def test_the_note_says_the_same_and_follows_every_change(repo: Repository) -> None:
    first = read(repo)
    assert read(repo) == first
    edit(repo, "components/wiki.yaml", "15 2 * * *", "16 3 * * *")
    assert of(repo).schedule == "16 3 * * *"
    (repo.path / "state" / "wiki.yaml").write_text(STATE.replace("crash", "filesystem"))
    assert of(repo).level == "filesystem"


def test_why_a_set_is_not_as_declared_is_known(repo: Repository) -> None:
    why = "  level: crash\n  because: a hook failed\n  unlisted: no answer\n"
    (repo.path / "state" / "wiki.yaml").write_text(STATE.replace("  level: crash\n", why))
    assert of(repo).lower == "crash consistent only, not filesystem: a hook failed"
    assert of(repo).unlisted == "no answer"


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"form": "0", "entries": {"wiki": 1}}'])
def test_a_damaged_note_is_read_over(repo: Repository, damage: bytes) -> None:
    first = read(repo)
    (repo.var / "cache" / "backups.json").write_bytes(damage)
    assert read(repo) == first


def test_a_file_that_cannot_be_read_is_a_fault_of_its_component_alone(repo: Repository) -> None:
    edit(repo, "components/wiki.yaml", "  objective: 26h", "  objective: soon")
    assert "components/wiki.yaml:" in of(repo).fault
    assert of(repo, "tracker").fault == ""


def test_the_sample_is_read_and_nothing_is_noted() -> None:
    assert read(Repository(PROJECT / "inventory", PROJECT))
    assert not (PROJECT / "inventory" / "var").exists()


def test_what_data_lifecycle_manager_takes_is_not_in_the_records(repo: Repository) -> None:
    assert not of(repo).elsewhere
    edit(repo, "site.yaml", "engine: cron", "engine: dlm")
    assert of(repo).elsewhere and not of(repo, "wiki", "archive").elsewhere
