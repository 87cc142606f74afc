"""Run a component's hooks around a snapshot: named shell scripts, as root, on its host.

They run as dump hooks do: the first command that fails ends them, and by bash, where there is
one, every part of a pipeline counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ops.errors import OpsError
from ops.remote.command import script
from ops.remote.errors import CommandFailed, TimedOut
from ops.remote.host import Host

PATIENCE = 300.0
"""Seconds a hook may take."""

_RUN = r"""
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
text=$1
shift
command -v bash >/dev/null && exec bash -e -o pipefail -c "$text" hook "$@"
exec sh -e -c "$text" hook "$@"
"""

Words = Sequence[str]
"""A hook: the name of its script below templates/, then its arguments."""


class HookFailed(OpsError):
    """A hook ended with an error; what its exit says about the data is not to be trusted."""


@contextmanager
def hooked(
    host: Host, before: Sequence[Words], after: Sequence[Words], find: Callable[[str], Path]
) -> Iterator[None]:
    """Run `before` in order, the block, then `after` in order, whatever happened in between.

    `find` returns where a script lies. Raise HookFailed: a failing `before` keeps the block
    from running; a failing `after` is told once the others have run. Where this program or the
    network is gone, no `after` runs: a hook that locks or pauses something has to give that a limit
    on the host itself.
    """
    try:
        for hook in before:
            _run(host, hook, find)
        yield
    finally:
        failed = [error for hook in after if (error := _failure(host, hook, find))]
    if failed:
        raise failed[0]


def ask(host: Host, hook: Words, find: Callable[[str], Path], patience: float = 3600.0) -> str:
    """Return the last line that a component's own check says. Raise HookFailed."""
    said = _run(host, hook, find, patience).decode(errors="backslashreplace")
    return next(reversed(said.strip().splitlines()), "")


def _failure(host: Host, hook: Words, find: Callable[[str], Path]) -> OpsError | None:
    try:
        _run(host, hook, find)
    except OpsError as error:
        return error
    return None


def _run(host: Host, hook: Words, find: Callable[[str], Path], patience: float = 0) -> bytes:
    name, *arguments = hook
    patience = patience or PATIENCE
    text = script(_RUN, find(name).read_text(), *arguments, root=True)
    try:
        return host.run(text, timeout=patience).out
    except CommandFailed as error:
        said = error.result.err.decode(errors="backslashreplace").strip() or "it said nothing"
        raise _fault(host, name, f"failed with {error.result.code}: {said}") from error
    except TimedOut as error:
        raise _fault(host, name, f"did not end within {patience:.0f} s") from error


def _fault(host: Host, name: str, words: str) -> HookFailed:
    return HookFailed(
        f"{host.name}: hook {name} {words}",
        "Mend the hook in templates/ of the inventory, or name a level in backup.fall_back_to.",
    )
