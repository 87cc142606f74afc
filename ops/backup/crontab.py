"""The controller's crontab: read, planned and installed by crontab(1) itself."""

from __future__ import annotations

import difflib
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ops import run
from ops.backup import schedule, splice
from ops.errors import OpsError, Refused
from ops.inventory import machine
from ops.plan import Plan, Step

if TYPE_CHECKING:
    from ops.inventory.repository import Repository

_PATH = "/usr/local/bin:/usr/bin:/bin"
_HINT = "Install Debian's package cron, and let this account use crontab(1)."


def read() -> bytes:
    """Return this account's crontab; b"" when it has none. Raise OpsError without cron."""
    done = _crontab("-l")
    if done.returncode == 0:
        return done.stdout
    if b"no crontab for" in done.stderr:
        return b""
    raise OpsError(f"crontab -l: {done.stderr.decode(errors='replace').strip()}", _HINT)


def wanted(repo: Repository, crontab: bytes) -> bytes:
    """Return the crontab as the inventory wants it. Raise Refused when its marks are damaged."""
    site = repo.site()
    settings = site.schedule
    components = repo.components()
    states = {name: repo.state(name) for name in components}
    found = schedule.jobs(components, states, settings, drills=site.scratch is not None)
    fab = Path(sys.prefix) / "bin/fab"
    place = schedule.Place(fab, repo.project, repo.path, machine.user_name())
    lines = schedule.lines(found, place, settings)
    return splice.spliced(crontab, str(repo.path), lines, settings.mailto, place.account)


def plan(before: bytes, after: bytes, inventory: str) -> Plan:
    """Return the plan that installs a crontab; empty when it is installed already."""
    if before == after:
        return Plan("backup.schedule", inventory)
    count = sum(line[:1] in "+-" for line in diff(before, after)[2:])
    facts = {"before": _digest(before), "after": _digest(after)}
    words = f"change the crontab of {machine.user_name()}: {count} lines"
    step = Step("crontab.install", "crontab", words, facts, "change")
    return Plan("backup.schedule", inventory, (step,))


def diff(before: bytes, after: bytes) -> list[str]:
    """Return a unified diff of two crontabs, for people."""
    old, new = (text.decode("utf-8", "backslashreplace").splitlines() for text in (before, after))
    return list(difflib.unified_diff(old, new, "crontab now", "crontab wanted", n=2, lineterm=""))


def install(repo: Repository, decided: Plan) -> None:
    """Carry out a plan: write the crontab, read it back, record the run.

    Raise Refused when crontab or inventory have changed since the plan, OpsError when cron does
    not take it.
    """
    with run.begin(repo, "backup.schedule") as r:
        _make_places(repo)
        with repo.locked():
            r.carry_out(decided, {"crontab.install": lambda step: _install(repo, step)})


def log(repo: Repository) -> Path:
    """Return the file that jobs log to."""
    return schedule.log(repo.path, repo.site().schedule)


def _install(repo: Repository, step: Step) -> run.Facts:
    before = read()
    after = wanted(repo, before)
    if step.arguments != {"before": _digest(before), "after": _digest(after)}:
        raise Refused("the crontab has changed since the plan", "Run the task again.")
    done = _crontab("-", content=after)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise OpsError(f"crontab: {said}; it is as it was before", _HINT)
    if read() != after:
        raise OpsError("crontab -l does not tell what was installed", "Look at it: crontab -l")
    return {"before": before.decode("utf-8", "backslashreplace")}


def _make_places(repo: Repository) -> None:
    """Make the folders of locks and log, which job.sh expects."""
    for folder in ("locks", "log"):
        (repo.var / folder).mkdir(0o700, parents=True, exist_ok=True)


def _crontab(word: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environ = {"PATH": _PATH, "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["crontab", word], input=content, capture_output=True, check=False, env=environ
        )
    except FileNotFoundError:
        raise OpsError("there is no crontab(1) on this machine", _HINT) from None


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]
