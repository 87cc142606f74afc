"""What rclone answers to who would delete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops.backup.append_only import asking, refused
from ops.remote.local import LocalHost

pytestmark = pytest.mark.lab


def proven(folder: Path, before: str, words: str) -> bool:
    """Return what an account proves whose server is started so, after something else."""
    account = folder / "account"
    account.write_text(f'#!/bin/sh\n{before}\nexec rclone serve restic --stdio {words} "$5"\n')
    account.chmod(0o700)
    asked = replace(asking([str(account)], str(folder)), root=False)
    return refused(LocalHost().run(asked, check=False, timeout=60).out)


@pytest.mark.parametrize("forced", [True, False])
def test_only_a_server_that_refuses_to_delete_is_a_proof(tmp_path: Path, forced: bool) -> None:
    assert proven(tmp_path, ":", "--append-only" if forced else "") is forced


def test_a_server_that_is_slow_to_answer_is_waited_for(tmp_path: Path) -> None:
    assert proven(tmp_path, "sleep 3", "--append-only")


def test_a_door_that_does_not_open_proves_nothing() -> None:
    asked = replace(asking(["sh", "-c", "echo Forbidden; exit 255"], "/x"), root=False)
    assert not refused(LocalHost().run(asked, check=False, timeout=60).out)
