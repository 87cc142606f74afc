"""Copying a restored volume, with a real rsync."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ops.backup.restore import copying
from ops.remote.errors import CommandFailed
from ops.remote.local import LocalHost


def test_what_is_not_mounted_is_not_written_over(tmp_path: Path) -> None:
    volume, live = tmp_path / "volume", tmp_path / "live"
    for folder in (volume, live):
        folder.mkdir()
        (folder / folder.name).touch()
    asked = replace(copying(str(volume), str(live), over=True), root=False)
    with pytest.raises(CommandFailed, match="is not mounted"):
        LocalHost().run(asked)
    assert [path.name for path in live.iterdir()] == ["live"]
    LocalHost().run(replace(copying(str(volume), str(live), over=False), root=False))
    assert sorted(path.name for path in live.iterdir()) == ["live", "volume"]
