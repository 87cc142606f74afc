"""What a run does, written down as it happens, one JSON line an event.

Every line is on disk before the run goes on. The journal is locked as long as its process
lives; one that nobody holds belongs to a run that died.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Any

from ops.inventory import files
from ops.inventory.locks import held

Event = dict[str, Any]


class Journal:
    """The open journal of a run; `events` are those written so far."""

    def __init__(self, path: Path) -> None:
        """Make the file, which must not exist yet, and lock it.

        It has its name only when it is locked: nobody takes a run that begins for a dead one.
        """
        files.make_folder(path.parent, 0o700)
        self.path = path
        self.events: list[Event] = []
        beside = files.leftover(path)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        self._number = os.open(beside, flags, 0o600)
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX)
            os.link(beside, path)
        except BaseException:
            os.close(self._number)
            raise
        finally:
            files.remove(beside)

    def append(self, kind: str, **details: object) -> None:
        """Write an event durably; `kind` says what happened."""
        event: Event = {"event": kind, **details}
        line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        with files.named(self.path):
            if os.write(self._number, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._number)
        self.events.append(json.loads(line))

    def close(self) -> None:
        """Let go of the file, and so of its lock."""
        os.close(self._number)


def read(path: Path) -> list[Event]:
    """Return the events of a journal; a last line that was torn by a crash never happened."""
    events: list[Event] = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            events.append(json.loads(line))
        except ValueError:
            break
    return events


def orphans(folder: Path) -> list[Path]:
    """Return the journals in `folder` whose process is gone, oldest first.

    Without the repository lock one may be put away by another task before it is read.
    """
    return [path for path in sorted(folder.glob("*.jsonl")) if _is_orphan(path)]


def _is_orphan(path: Path) -> bool:
    try:
        return not held(path)
    except FileNotFoundError:  # put away since it was listed
        return False
