"""Hooks around a snapshot, by real scripts on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.backup import hooks
from ops.backup.hooks import HookFailed, hooked
from ops.remote.local import LocalHost


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> LocalHost:
    """This machine, where hooks run as whoever tests, and have half a second."""
    monkeypatch.setattr(hooks, "PATIENCE", 0.5)
    here = LocalHost()
    here.become = "none"
    return here


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    for name, text in (
        ("note", 'echo "$1" >>"$2"'),
        ("fail", "echo broken >&2; exit 7"),
        ("hang", "sleep 60"),
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


def notes(folder: Path) -> list[str]:
    path = folder / "notes"
    return path.read_text().split() if path.exists() else []


def note(folder: Path, word: str) -> list[str]:
    return ["note", word, str(folder / "notes")]


def test_hooks_run_before_and_after_with_their_arguments(host: LocalHost, scripts: Path) -> None:
    with hooked(host, [note(scripts, "one")], [note(scripts, "two")], scripts.joinpath):
        assert notes(scripts) == ["one"]
    assert notes(scripts) == ["one", "two"]


def test_a_failing_hook_keeps_the_block_from_running(host: LocalHost, scripts: Path) -> None:
    after = [note(scripts, "after")]
    with (
        pytest.raises(HookFailed, match="hook fail failed with 7: broken"),
        hooked(host, [["fail"]], after, scripts.joinpath),
    ):
        pytest.fail("ran")
    assert notes(scripts) == ["after"]


def test_a_hook_that_hangs_does_not_keep_the_others_from_running(
    host: LocalHost, scripts: Path
) -> None:
    with (
        pytest.raises(HookFailed, match="hook hang did not end within"),
        hooked(host, [], [["hang"], note(scripts, "after")], scripts.joinpath),
    ):
        pass
    assert notes(scripts) == ["after"]
