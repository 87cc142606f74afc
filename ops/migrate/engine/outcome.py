"""How a transfer of one data set ended: rsync's code and words, as people need them."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ops import quantities
from ops.errors import OpsError
from ops.escapes import escape, unescape
from ops.migrate.engine.rsync import NO_WAY, Complaints, Totals
from ops.remote.errors import Unreachable

BUSY = 75
"""Exit code of the gate when another transfer holds the target's lock."""

FULL = 28
"""Exit code of the gate when the target's disk is full."""

SHORT = 65
"""Exit code of the gate when less of a file has come than was to."""

GO_ON = "Run it again: it goes on where it stopped."

_KEY = "It also removes this run's key, if that is still on the target."

FULL_DISK = (
    "the target's disk is full",
    "Make the volume larger, or free some of it; then run it again: it goes on.",
)

_FULL = (errno.ENOSPC, errno.EDQUOT)
_PARTIAL, _VANISHED = 23, 24
_BROKEN = {10, 11, 12, 20, 30, 35, 129, 137, 143, 255}
_LOST = 255
"""Code of ssh, which says nothing of a server that does not answer any more."""
_SHOWN = 5


@dataclass(frozen=True)
class Outcome:
    """What became of a data set; `failed` holds paths below its root, as printable text."""

    verdict: Literal["done", "incomplete"]
    totals: Totals
    failed: tuple[tuple[str, str], ...] = ()
    """(path, reason) of each entry that did not arrive."""
    vanished: tuple[str, ...] = ()
    words: str = ""
    hint: str = ""
    blocked: tuple[bytes, ...] = ()
    """Paths that are all that failed, where the target has a folder with something in it and the
    source something else: rsync does not empty it."""


def judged(code: int, totals: Totals, said: Complaints, roots: Sequence[str]) -> Outcome:
    """Return the outcome of an rsync that ended with `code`; negative is a signal.

    `roots` are the data set's root on the source and on the target. Files that vanished from
    a live source are no fault. Raise OpsError for what running it again would not cure.
    """
    failed = tuple((_below(f.path, roots), f.reason) for f in said.failed)
    vanished = tuple(_below(path, roots) for path in said.vanished)
    if code in (0, _VANISHED) and not failed:
        return Outcome("done", totals, (), vanished)
    words, hint = _told(code, said, failed)
    blocked = _blocked(failed) if code == _PARTIAL else ()
    return Outcome("incomplete", totals, failed, vanished, words, hint, blocked)


def broken(lost: Unreachable) -> Outcome:
    """Return the outcome of a move that ended as one of the hosts was lost."""
    words = f"the connection broke: {lost.message}"
    return Outcome("incomplete", Totals(), words=words, hint=f"{GO_ON} {_KEY}")


def _blocked(failed: Sequence[tuple[str, str]]) -> tuple[bytes, ...]:
    if any(reason != NO_WAY for _, reason in failed):
        return ()
    return tuple(unescape(path) for path, _ in failed)


def _told(code: int, said: Complaints, failed: Sequence[tuple[str, str]]) -> tuple[str, str]:
    if _is_full(said):
        return FULL_DISK
    if code == BUSY:
        return (
            "another transfer still writes into the target",
            "It ends within two minutes if its controller is gone; then run it again.",
        )
    if code == _PARTIAL and not failed:
        return (
            f"not all was moved: {_last(said) or 'rsync does not say what'}",
            "Cure the reason and run it again.",
        )
    if code in (0, _PARTIAL, _VANISHED):
        return (
            f"{_entries(len(failed))} not moved: {_listed(failed)}",
            "Cure the reasons and run it again: it moves just those.",
        )
    if code in _BROKEN or code < 0:
        why = _own(said) or "ssh lost the connection to the target" if code == _LOST else ""
        return (
            f"the transfer broke off: {why or _last(said) or f'rsync ended with {code}'}",
            GO_ON,
        )
    raise OpsError(
        f"rsync ended with {code}: {_last(said)}", "See EXIT VALUES in the manual page of rsync."
    )


def _is_full(said: Complaints) -> bool:
    return any(failure.number in _FULL for failure in said.failed) or any(
        "No space left on device" in line or "Disk quota exceeded" in line for line in said.other
    )


def _listed(failed: Sequence[tuple[str, str]]) -> str:
    shown = ", ".join(f"{path} ({reason})" for path, reason in failed[:_SHOWN])
    more = len(failed) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _entries(count: int) -> str:
    return "1 entry was" if count == 1 else f"{quantities.number(count)} entries were"


def _last(said: Complaints) -> str:
    """Return the line that says most: the gate's or ssh's own, else rsync's last."""
    return _own(said) or next(iter(said.other[-1:]), "")


def _own(said: Complaints) -> str:
    return next((line for line in said.other if not line.startswith("rsync")), "")


def _below(path: bytes, roots: Sequence[str]) -> str:
    """Return the path below the root it lies in; the target's may lie in the source's."""
    starts = [root.rstrip("/").encode() + b"/" for root in roots]
    fitting = [start for start in starts if path.startswith(start)]
    return escape(path.removeprefix(max(fitting, key=len, default=b"")))
