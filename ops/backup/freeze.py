"""Freeze file systems around a snapshot; the host thaws them by itself, whatever becomes of us.

What the host's watchdog had to thaw is found out by the thaw, so a snapshot never counts as
consistent that was taken after it. See ops.backup.watchdog.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ops.backup.watchdog import GONE, freeze_command, sync_command, thaw_command
from ops.errors import OpsError
from ops.remote.command import Command
from ops.remote.errors import CommandFailed, TimedOut
from ops.remote.host import Host

LIMIT = 20
"""Seconds after which the host thaws by itself: CreateSnapshots answers in about one."""

SYNC = 600
"""Seconds that it may take to bring on disk what was written; nothing is frozen meanwhile."""

_INSTEAD = "No snapshot was taken. Mend the host, or name a level in backup.fall_back_to."


class FreezeFailed(OpsError):
    """The file systems could not be frozen; what is frozen after all, the host thaws."""


class Doubtful(OpsError):
    """Whether all was frozen until the block had ended is not certain."""


class ThawedTooEarly(Doubtful):
    """The watchdog thawed before the snapshot call had returned."""


class NotThawed(Doubtful):
    """A file system may still be frozen, or nobody knows; the host goes on thawing it."""


def sync(host: Host, mounts: Sequence[str]) -> None:
    """Bring on disk what was written to `mounts`, so that they freeze at once.

    Raise FreezeFailed when that fails or takes too long.
    """
    if mounts:
        _run(host, sync_command(mounts), SYNC, "bringing what was written on disk")


@contextmanager
def frozen(host: Host, run: str, mounts: Sequence[str], limit: int = LIMIT) -> Iterator[None]:
    """Freeze `mounts` on `host` for the block, then thaw them, whatever happened inside.

    No mounts: nothing is done. Call `sync` before. Raise FreezeFailed when they can't be frozen,
    ThawedTooEarly when the watchdog thawed before the block had ended, NotThawed when nobody
    knows whether they thawed. An error of the block goes before ThawedTooEarly.
    """
    if not mounts:
        yield
        return
    try:
        _run(host, freeze_command(run, mounts, limit), limit, "freezing")
        yield
    except OpsError as error:
        # also when nobody knows whether the freeze was carried out
        if isinstance(left := _thaw(host, run, mounts, limit), NotThawed):
            raise NotThawed(f"{left.message}; before that: {error.message}", left.hint) from error
        raise
    except BaseException:
        _thaw(host, run, mounts, limit)
        raise
    if left := _thaw(host, run, mounts, limit):
        raise left


def _run(host: Host, asked: Command, seconds: int, what: str) -> None:
    try:
        host.run(asked, timeout=seconds)
    except CommandFailed as error:
        said = error.result.err.decode(errors="backslashreplace").strip()
        raise FreezeFailed(f"{host.name}: {said or f'{what} failed'}", _INSTEAD) from error
    except TimedOut as error:
        raise FreezeFailed(f"{host.name}: {what} took more than {seconds} s", _INSTEAD) from error


def _thaw(host: Host, run: str, mounts: Sequence[str], limit: int) -> Doubtful | None:
    """Thaw, and return what is in doubt after it."""
    goes_on = f"Its watchdog goes on thawing, from {limit} s after the freeze on; look at the host."
    try:
        thawed = host.run(thaw_command(run, mounts), check=False, timeout=limit)
    except OpsError as error:
        return NotThawed(
            f"{host.name}: whether it has thawed is not known: {error.message}", goes_on
        )
    if thawed.code == 0:
        return None
    if thawed.code == GONE:
        return ThawedTooEarly(
            f"{host.name}: the file systems thawed after {limit} s, before AWS had answered",
            "The snapshots are crash consistent only. Run the task again.",
        )
    said = thawed.err.decode(errors="backslashreplace").strip()
    return NotThawed(f"{host.name}: may still be frozen: {said or 'the thaw failed'}", goes_on)
