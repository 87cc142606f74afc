"""What rclone answers to who would delete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops.backup.append_only import asking, refused
from ops.remote.local import LocalHost

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("forced", [True, False])
def test_only_a_server_that_refuses_to_delete_is_a_proof(tmp_path: Path, forced: bool) -> None:
    account = tmp_path / "account"
    words = "--append-only" if forced else ""
    account.write_text(f'#!/bin/sh\nexec rclone serve restic --stdio {words} "$5"\n')
    account.chmod(0o700)
    asked = replace(asking([str(account)], str(tmp_path)), root=False)
    said = LocalHost().run(asked, check=False, timeout=60)
    assert refused(said.out) is forced


def test_a_door_that_does_not_open_proves_nothing() -> None:
    asked = replace(asking(["sh", "-c", "echo Forbidden; exit 255"], "/x"), root=False)
    assert not refused(LocalHost().run(asked, check=False, timeout=60).out)
