"""Waiting for a host: what counts as there, and what its first boot says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.errors import OpsError, UsageError
from ops.provision import arrival
from ops.provision.arrival import (
    Late,
    Patience,
    await_first_boot,
    await_host,
    await_ssh,
    first_boot,
    seconds,
)
from ops.remote.command import Command, script
from ops.remote.endpoint import Endpoint
from ops.remote.host import Result
from ops.remote.local import LocalHost
from tests.support.sshd import Sshd, sshd_or_skip
from tests.support.waiting import Clock

DONE = "echo status: done"
CRASHED = """
[ -e "$0.tried" ] || [ "$*" = 'status --wait --long' ] || { touch "$0.tried"; exit 1; }
echo 'status: done'
"""

RESTART = """
session=$$
until grep -q ^sshd /proc/$session/comm; do  # sshd, from OpenSSH 9.8 on sshd-session
    session=$(awk '{print $4}' /proc/$session/stat)
done
kill -9 "$session"
sleep 9
"""

SOON = Patience(limit=120, attempt=60, pause=0.05, told_every=0.1)


class Booted(LocalHost):
    """This machine with a cloud-init that says what the test wants."""

    def __init__(self, folder: Path, said: str) -> None:
        super().__init__("wiki.cloud.main")
        program = folder / "cloud-init"
        program.write_text(f"#!/bin/sh\n{said}\n")
        program.chmod(0o755)
        self.path = f"{folder}:/usr/bin:/bin"

    def run(self, command: Command, **given: Any) -> Result:
        return super().run(replace(command, env=(("PATH", self.path),)), **given)


def endpoint_of(server: Sshd) -> Endpoint:
    """Return the server's endpoint; its patience is for a machine that is busy."""
    return replace(server.endpoint("wiki.cloud.main"), connect_timeout=60)


def test_a_host_that_comes_up_late_is_waited_for(tmp_path: Path) -> None:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == 1:
            assert server._started(sshd_or_skip())

    with Sshd(tmp_path) as server:
        endpoint = endpoint_of(server)
        server.stop()
        await_ssh(endpoint, SOON, tell).close()
    assert "waiting for ssh on wiki.cloud.main" in told[0]


def test_a_first_boot_that_went_well_is_done(tmp_path: Path) -> None:
    await_first_boot(Booted(tmp_path, DONE), SOON)


def test_a_first_boot_that_can_not_tell_yet_is_asked_again(tmp_path: Path) -> None:
    await_first_boot(Booted(tmp_path, CRASHED), SOON)
    assert (tmp_path / "cloud-init.tried").exists()


def test_a_host_that_restarts_in_its_first_boot_is_waited_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    boots = iter([script(RESTART), first_boot()])
    monkeypatch.setattr(arrival, "first_boot", lambda: next(boots))
    with Sshd(tmp_path) as server:
        await_host(endpoint_of(server), SOON, told.append).close()
    assert len(told) == 1
    assert "connecting again" in told[0]


def test_a_host_that_restarts_again_and_again_is_given_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(arrival, "first_boot", lambda: script(RESTART))
    monkeypatch.setattr(arrival, "time", Clock())
    patience = replace(SOON, limit=60, pause=20)
    with Sshd(tmp_path) as server, pytest.raises(Late, match="no first boot was done after 60 s"):
        await_host(endpoint_of(server), patience, told.append)
    assert len(told) == 2


def test_a_first_boot_that_failed_is_told(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="cloud-init failed") as failed:
        await_first_boot(Booted(tmp_path, "echo status: error"), SOON)
    assert "cloud-init-output.log" in failed.value.hint


@pytest.mark.parametrize(("text", "count"), [("90s", 90), ("10m", 600)])
def test_durations_are_read(text: str, count: int) -> None:
    assert seconds(text) == count


def test_other_words_are_no_duration() -> None:
    with pytest.raises(UsageError, match="wait=soon"):
        seconds("soon")
