"""restic's commands and what it says."""

from __future__ import annotations

import json

import pytest

from ops.backup import restic
from ops.backup.restic import Missing, Way, checked, escaped, snapshots, summary
from ops.errors import Incomplete, OpsError
from ops.remote.command import Secret, command
from ops.remote.host import Result

PASSWORD = Secret("pass-word")
VAULT = Way("sftp:backup@vault.example.edu:/srv/restic/wiki", PASSWORD)


def ended(code: int, err: str = "", out: str = "") -> Result:
    return Result(command("restic"), code, out.encode(), err.encode())


def test_the_password_is_fed_and_stands_nowhere_else() -> None:
    asked = VAULT.command("snapshots")
    assert asked.feed() == b"pass-word\n"
    assert b"pass-word" not in asked.line("sudo")


def test_the_keys_of_s3_are_no_arguments() -> None:
    way = Way("s3:https://s3.example.org/b", PASSWORD, (Secret("access"), Secret("hidden")))
    assert b"hidden" not in way.command("snapshots").line("sudo")


def test_hosts_add_through_rclone_and_the_controller_removes_by_sftp() -> None:
    adding = str(VAULT.command("backup"))
    assert "serve restic --stdio --append-only" in adding
    assert "-r rclone:/srv/restic/wiki" in adding
    removing = str(Way(VAULT.repository, PASSWORD, adding=False).command("forget"))
    assert "rclone" not in removing
    assert "sftp:backup@vault.example.edu:/srv/restic/wiki" in removing


def test_file_systems_are_crossed_only_where_declared() -> None:
    told = [
        restic.backup(VAULT, "r", "wiki.main", ["/a"], crossing=crossing, excludes="").argv
        for crossing in (False, True)
    ]
    assert ["--one-file-system" in words for words in told] == [True, False]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("write: no space left on device", "disk is full"),
        ("repository is already locked by PID 7", "is locked"),
        ("Fatal: wrong password or no key found", "password does not open"),
        ("Fatal: ciphertext verification failed", "failed with 1: Fatal: ciphertext"),
    ],
)
def test_what_is_wrong_is_told(said: str, words: str) -> None:
    with pytest.raises(OpsError, match=words):
        checked(ended(1, said), "wiki")


def test_a_missing_repository_and_unread_files_can_be_told_apart() -> None:
    with pytest.raises(Missing):
        checked(ended(1, "Fatal: x\nIs there a repository at the following location?"), "wiki")
    with pytest.raises(Incomplete):
        checked(ended(3, "error: open /x: permission denied"), "wiki")


def test_a_run_without_its_summary_is_no_archive() -> None:
    with pytest.raises(OpsError, match="without its summary"):
        summary(b'{"message_type":"status"}\n')


def test_a_listing_gives_the_suites_own_archives_oldest_first() -> None:
    told = [
        {"id": i, "time": f"2026-11-2{n}T02:00:00.123456789Z", "paths": ["/a"], "tags": tags}
        | {"hostname": "wiki.main"}
        for i, n, tags in (("b", 2, ["run=r2"]), ("a", 1, ["run=r1"]), ("c", 3, None))
    ]
    found = snapshots(b"reading repository password from stdin\n" + json.dumps(told).encode())
    assert [(one.id, one.run, one.slot) for one in found] == [
        ("a", "r1", "main"),
        ("b", "r2", "main"),
    ]


def test_excluded_paths_match_themselves_alone() -> None:
    assert escaped(b"/a/[b]*?$x\\y ") == b"/a/\\[b]\\*\\?$$x\\\\y[ ]"
    assert escaped(b"/a\nb") is None
