"""How ssh is called on the source to get to the target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ops.errors import OpsError
from ops.remote.endpoint import Endpoint, ssh_options


def ssh_words(target: Endpoint, inside: str) -> tuple[str, ...]:
    """Return ssh's words for the source; the host is to be called `target`."""
    there = replace(
        target,
        known_hosts=Path(inside, "known_hosts"),
        identity=Path(inside, "key"),
        gateway=None,
        ssh_config=None,
    )
    told = ("ssh", *ssh_options(there), "-o", f"HostName={target.address}", "-o", "LogLevel=ERROR")
    if odd := [word for word in told if any(mark in word for mark in " \t'\"")]:
        raise OpsError(f"{target.where}: rsync can't take {odd[0]!r} as an option of ssh")
    return told
