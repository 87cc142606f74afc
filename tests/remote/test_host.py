"""What holds for every host, whether over SSH or this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ops.remote.command import Secret, command, script
from ops.remote.connection import SshHost
from ops.remote.errors import CommandFailed
from ops.remote.host import Host, Running, signal_name
from ops.remote.local import LocalHost


@pytest.fixture(params=["ssh", "local"])
def any_host(request: pytest.FixtureRequest, host: SshHost) -> Host:
    kinds: dict[str, Callable[[], Host]] = {"ssh": lambda: host, "local": LocalHost}
    return kinds[str(request.param)]()


def test_environment_folder_and_secrets_reach_the_command(any_host: Host, tmp_path: Path) -> None:
    what = command(
        "sh",
        "-c",
        'pwd; printf "%s %s" "$A" "$0"',
        Secret("w"),
        env={"A": "b c"},
        cwd=str(tmp_path),
    )
    assert any_host.run(what).out == f"{tmp_path}\nb c w".encode()


def test_a_program_that_is_not_there_ends_with_127(any_host: Host) -> None:
    with pytest.raises(CommandFailed, match="127"):
        any_host.run(command("no-such-program"))


def test_root_is_root(any_host: Host) -> None:
    if any_host.run(command("id", "-u")).out != b"0\n":
        pytest.skip("not root; sudo is tried in the lab")
    assert any_host.run(script("id -u", root=True)).out == b"0\n"


def test_standard_error_is_there_while_a_command_runs(any_host: Host) -> None:
    running: Running = any_host.start(script("echo early >&2; echo out; sleep 99"))
    with running:
        assert running.read(60) == b"out\n"
        assert running.poll() is None
        while not running.err:
            running.read(0.01)
        assert running.err == b"early\n"


def test_signals_have_names() -> None:
    assert (signal_name(9), signal_name(99)) == ("SIGKILL", "signal 99")
