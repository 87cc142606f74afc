"""Hosts of a full lab, without one that boots."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.lab import hosts, processes
from ops.lab.hosts import Host, always


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on a host that has ended after a moment."""
    monkeypatch.setattr(hosts, "_BETWEEN_BOOTS", 0.1)


def test_a_look_that_takes_long_is_not_the_end_of_a_host_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def answers(address: str, port: int) -> bool:
        looks.append(address)
        time.sleep(0.3)
        return len(looks) > 1

    monkeypatch.setattr(hosts, "answers", answers)
    with subprocess.Popen(["sh", "-c", "sleep 600 & wait"]) as process:
        host = Host("lab", "papa", tmp_path, [], tmp_path, "none", _process=process)
        try:
            host.wait_ready("127.0.0.1", always, 60)
        finally:
            processes.end(processes.family(process.pid))
    assert looks == ["127.0.0.1"] * 2


def test_a_host_that_has_ended_is_told(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    host = Host("lab", "papa", tmp_path, [], tmp_path, "none", _process=process)
    host.console.write_text("Failed to mount.\n")
    with pytest.raises(OpsError, match=r"ended while it booted.*:\nFailed to mount"):
        host.wait_ready("127.0.0.1", always, 60)
