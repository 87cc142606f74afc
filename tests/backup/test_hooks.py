"""Hooks around a snapshot, by real scripts on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.backup import hooks
from ops.backup.hooks import HookFailed, hooked
from ops.remote.command import Command
from ops.remote.errors import Unreachable
from ops.remote.host import Result
from ops.remote.local import LocalHost


@pytest.fixture
def host() -> LocalHost:
    """This machine, where hooks run as whoever tests."""
    here = LocalHost()
    here.become = "none"
    return here


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    for name, text in (
        ("note", 'echo "$1" >>"$2"'),
        ("fail", "echo broken >&2; exit 7"),
        ("hang", "sleep 60"),
        ("early", "false; exit 0"),
        ("pipe", "false | cat"),
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
    host: LocalHost, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as hurry:

        def run(command: Command, **given: Any) -> Result:
            try:
                return LocalHost.run(host, command, **given)
            finally:
                hurry.undo()  # the next one has its time

        hurry.setattr(host, "run", run)
        hurry.setattr(hooks, "PATIENCE", 0.5)
        with (
            pytest.raises(HookFailed, match="hook hang did not end within 0 s"),
            hooked(host, [], [["hang"], note(scripts, "after")], scripts.joinpath),
        ):
            pass
    assert notes(scripts) == ["after"]


@pytest.mark.parametrize("name", ["early", "pipe"])
def test_a_failure_in_the_middle_of_a_hook_counts(
    host: LocalHost, scripts: Path, name: str
) -> None:
    with pytest.raises(HookFailed, match=f"hook {name} failed with 1"):
        hooks.ask(host, [name], scripts.joinpath)


class Lossy(LocalHost):
    """A host whose connection is lost once, when the second command is asked for."""

    asked = 0

    def run(self, command: Command, **given: Any) -> Result:
        self.asked += 1
        if self.asked == 2:
            raise Unreachable("cut off")
        return super().run(command, **given)


def test_a_lost_connection_does_not_keep_the_other_hooks_from_running(scripts: Path) -> None:
    host = Lossy()
    host.become = "none"
    first, second = note(scripts, "first"), note(scripts, "second")
    with (
        pytest.raises(Unreachable),
        hooked(host, [note(scripts, "before")], [first, second], scripts.joinpath),
    ):
        pass
    assert notes(scripts) == ["before", "second"]
