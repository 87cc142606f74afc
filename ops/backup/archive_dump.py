"""Dump a database on its host, and keep the dump only when it is whole (see ops.verify.dump).

It is written beside the one before and takes its place then, and not earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ops.errors import OpsError
from ops.remote.command import script
from ops.remote.errors import Unreachable
from ops.remote.host import Host
from ops.verify.dump import DUMP, Dump, fault, read

PATIENCE = 6 * 3600.0

_BEFORE = r"""
mkdir -p -m 700 -- "${1%/*}" && rm -f -- "$1.new" || exit
[ ! -e "$1" ] || stat -c %s -- "$1"
"""
_KEEP = 'sync -f -- "$1.new" && mv -f -- "$1.new" "$1"'


class DumpFailed(OpsError):
    """A dump is not to be trusted; the one before it stays."""


@dataclass(frozen=True)
class Hook:
    """A dump hook: its engine, its text and arguments, the file to dump to, its bytes at least."""

    engine: str
    to: str
    least: int
    text: str
    arguments: Sequence[str]
    root: bool = True


def dump(host: Host, name: str, hook: Hook) -> int:
    """Return the size of a dump, in bytes. Raise DumpFailed when it is not whole."""
    new, root = f"{hook.to}.new", hook.root
    before = int(host.run(script(_BEFORE, hook.to, root=root)).out or 0)
    try:
        found = _dumped(host, new, hook)
        if wrong := fault(found, hook.engine, before=before, least=hook.least):
            raise DumpFailed(
                f"{host.name}: {name}: {wrong}",
                "Nothing was archived, the dump before it stays. Mend the hook or the database;"
                f" where the dump is right and that one is not, remove {hook.to} there.",
            )
        host.run(script(_KEEP, hook.to, root=root), timeout=PATIENCE)
    finally:
        with suppress(Unreachable):
            host.run(script('rm -f -- "$1"', new, root=root), timeout=60)
    return found.size


def _dumped(host: Host, to: str, hook: Hook) -> Dump:
    asked = script(DUMP, to, hook.text, *hook.arguments, root=hook.root)
    result = host.run(asked, timeout=PATIENCE)
    lines = result.err.decode(errors="backslashreplace").strip().splitlines()
    return read(result.out, lines[-1] if lines else "")
