"""restic's commands as values, and what it says as values.

The password goes over standard input. S3's keys are in the environment of the restic process
itself, which only root can read; neither is ever an argument. On a host an sftp repository is
reached through `rclone serve restic --append-only`, which the repository's account forces on
the host's key; only whoever prunes speaks sftp.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.errors import Incomplete, OpsError
from ops.remote.command import Command, Secret, command
from ops.remote.host import Result

CACHE = "/var/cache/ops-restic"

_SSH = (
    "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20"
    " -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
)
_SFTP = re.compile(r"sftp:(?P<login>[^:]+):(?P<path>/.*)")
_SOME_UNREAD = 3

FAULTS = {
    "Is there a repository at the following location": (
        "there is no repository",
        "Is its disk mounted, its account there? Only a first run makes one.",
    ),
    "no space left on device": (
        "the repository's disk is full",
        "Make room, or prune it from the controller; what was archived before is not touched.",
    ),
    "already locked": (
        "the repository is locked",
        "Another task is at work on it, or died less than 30 minutes ago: run it again later.",
    ),
    "wrong password": (
        "the password does not open the repository",
        "Correct backup.archive.password: it names where the password is.",
    ),
    "403 Forbidden": (
        "the repository only takes additions",
        "Remove from the controller, with the credentials of backup.archive.prune.",
    ),
}


class Known(OpsError):
    """restic failed for a reason that says nothing of what is in the repository."""


class Missing(Known):
    """There is no repository where one should be."""


@dataclass(frozen=True)
class Archived:
    """One snapshot in a repository."""

    id: str
    run: str
    slot: str
    at: datetime
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Way:
    """How a machine reaches a repository. `adding` may add and read, but not remove."""

    repository: str
    password: Secret
    keys: tuple[Secret, Secret] | None = None
    adding: bool = True
    cache: str = CACHE

    def command(self, *words: str | bytes) -> Command:
        """Return restic's command with these words; as root where the repository is added to."""
        env = {}
        if self.keys:
            env = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), self.keys, strict=True))
        secret = Secret(f"{self.password.reveal()}\n")
        argv = ("nice", "-n", "10", "restic", "--cache-dir", self.cache, *self._options(), *words)
        return command(*argv, root=self.adding, stdin=secret, env=env)

    def vault(self) -> tuple[list[str], str] | None:
        """Return the words that begin an ssh command to the repository's account, and the path.

        None for a repository of another kind.
        """
        found = _SFTP.fullmatch(self.repository)
        return ([*_SSH.split(), found["login"]], found["path"]) if found else None

    def _options(self) -> tuple[str, ...]:
        found = _SFTP.fullmatch(self.repository)
        if found is None:
            return ("-r", self.repository)
        if not self.adding:
            ssh = f"sftp.command={_SSH} {found['login']} -s sftp"
            return ("-o", ssh, "-r", f"sftp:{found['login']}:{found['path']}")
        program = f"rclone.program={_SSH} {found['login']} rclone"
        serving = "rclone.args=serve restic --stdio --append-only"
        return ("-o", program, "-o", serving, "-r", f"rclone:{found['path']}")


def backup(
    way: Way, run: str, name: str, paths: list[str], *, crossing: bool, excludes: str
) -> Command:
    """Return the command that archives `paths` of the host `name` (COMPONENT.SLOT) as a run."""
    words = ["backup", "--json", "--host", name, "--tag", f"run={run}"]
    words += [] if crossing else ["--one-file-system"]
    words += ["--exclude-file", excludes] if excludes else []
    return way.command(*words, "--", *paths)


def listing(way: Way, *tags: str) -> Command:
    """Return the command that lists a repository's snapshots, of all tags given."""
    return way.command("snapshots", "--json", "--no-lock", *(f"--tag={tag}" for tag in tags))


def checked(result: Result, where: str) -> Result:
    """Return the result of restic when it is good. Raise OpsError that says what is wrong.

    Incomplete when some files could not be read; Missing when there is no repository.
    """
    if result.code == 0:
        return result
    said = result.err.decode(errors="backslashreplace")
    said += result.out.decode(errors="backslashreplace")
    if result.code == _SOME_UNREAD:
        raise Incomplete(f"{where}: {_first(said)}", "The rest is archived; mend it and run again.")
    for words, (message, hint) in FAULTS.items():
        if words.lower() in said.lower():
            kind = Missing if message.startswith("there is no") else Known
            raise kind(f"{where}: {message} ({_first(said)})", hint)
    if result.code == 127:
        raise OpsError(f"{where}: restic is not installed", "apt-get install restic")
    raise OpsError(f"{where}: restic failed with {result.code}: {_first(said)}")


def summary(out: bytes) -> dict[str, Any]:
    """Return the summary that ends `restic backup --json`. Raise OpsError when it is not there."""
    told = [one for one in _documents(out) if one.get("message_type") == "summary"]
    if not told:
        raise OpsError("restic ended without its summary: nothing says what it archived")
    return dict(told[-1])


def total_size(out: bytes) -> int:
    """Return the bytes that `restic stats --json` counts. Raise OpsError when it says none."""
    told = [one["total_size"] for one in _documents(out) if "total_size" in one]
    if not told:
        raise OpsError("restic did not say how large the archive is")
    return int(told[-1])


def snapshots(out: bytes) -> list[Archived]:
    """Return the suite's snapshots of a listing, oldest first."""
    text = next((line for line in out.splitlines() if line.startswith(b"[")), b"[]")
    found = []
    for one in json.loads(text):
        told = dict(tag.partition("=")[::2] for tag in one.get("tags") or ())
        if "run" not in told:
            continue
        slot = one["hostname"].rpartition(".")[2]
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", one["time"]))
        found.append(Archived(one["id"], told["run"], slot, at, tuple(one["paths"])))
    return sorted(found, key=lambda one: one.at)


def escaped(path: bytes) -> bytes | None:
    """Return a path as a pattern of restic's that matches it alone; None when there is none."""
    if re.search(rb"[\r\n]", path):
        return None
    pattern = re.sub(rb"[\\*?\[]", rb"\\\g<0>", path).replace(b"$", b"$$")
    return re.sub(rb"\s\Z", lambda found: b"[" + found.group() + b"]", pattern)


def _documents(out: bytes) -> Iterator[dict[str, Any]]:
    for line in out.splitlines():
        if line.startswith(b"{"):
            yield json.loads(line)


def _first(said: str) -> str:
    """Return the line that tells the most: restic's `Fatal:`, else its first."""
    ours = "reading repository password from stdin"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [line for line in lines if ours not in line and " NOTICE: " not in line]
    telling = [line for line in lines if line.startswith(("Fatal:", "error", "Error"))]
    return (telling or lines or ["it said nothing"])[0][:300]
