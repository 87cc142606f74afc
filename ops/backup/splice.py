"""Put the suite's block into a crontab as text: every other byte stays as it is. Pure.

The block stands between two marked lines that name the inventory, so several inventories
fit into one crontab. Settings of a crontab hold for all lines below them, so the block sets
SHELL and MAILTO for its lines, and in the end back to what held above it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ops.errors import Refused

_SETTING = re.compile(
    rb"""^[ \t]*(?P<name>MAILTO|SHELL)[ \t]*=[ \t]*(?P<value>"[^"]*"|'[^']*'|[^ \t]*)[ \t]*$"""
)
_SHELL = "/bin/sh"
"""cron's own default, and what our lines are written for."""


def spliced(
    crontab: bytes, inventory: str, lines: Sequence[str], mailto: str | None, account: str
) -> bytes:
    """Return the crontab with `lines` as the inventory's block, at its place or at the end.

    No lines: the block goes. `account` is whom cron mails without any MAILTO. Raise Refused
    when the marked lines are damaged: it is not for us to guess what is whose.
    """
    parts = crontab.splitlines(keepends=True)
    start, end = _block(parts, inventory)
    before = b"".join(parts[:start])
    if not lines:
        return before + b"".join(parts[end:])
    if start == len(parts) and before and not before.endswith(b"\n"):
        before += b"\n"
    above = parts[:start]
    own = [
        f"SHELL={_SHELL}",
        f"MAILTO={account if mailto is None else mailto}",
        *lines,
        f"SHELL={_set(above, 'SHELL') or _SHELL}",
        f"MAILTO={account if (found := _set(above, 'MAILTO')) is None else found}",
    ]
    first, last = _markers(inventory)
    heading = f"{first} - written by `fab backup.schedule`: edits in here get lost"
    block = "".join(f"{line}\n" for line in (heading, *own, last))
    return before + block.encode("utf-8", "surrogateescape") + b"".join(parts[end:])


def _markers(inventory: str) -> tuple[str, str]:
    return f"# BEGIN ops-suite {inventory}", f"# END ops-suite {inventory}"


def _block(parts: Sequence[bytes], inventory: str) -> tuple[int, int]:
    """Return where the block begins and where it has ended; both at the end without one."""
    first, last = (word.encode("utf-8", "surrogateescape") for word in _markers(inventory))
    words = [part.rstrip(b"\r\n") for part in parts]
    starts = [at for at, word in enumerate(words) if word == first or word.startswith(first + b" ")]
    ends = [at for at, word in enumerate(words) if word.rstrip() == last]
    if not starts and not ends:
        return len(parts), len(parts)
    if len(starts) != 1 or len(ends) != 1 or ends[0] < starts[0]:
        places = ", ".join(str(at + 1) for at in sorted([*starts, *ends]))
        raise Refused(
            f"the crontab's marked lines of {inventory} are damaged (line {places})",
            f"Put `{first.decode(errors='replace')}` above and "
            f"`{last.decode(errors='replace')}` below what is the suite's, by crontab -e.",
        )
    return starts[0], ends[0] + 1


def _set(above: Sequence[bytes], name: str) -> str | None:
    """Return what a setting is after these lines; None where they leave it to cron."""
    found = [
        match["value"]
        for line in above
        if (match := _SETTING.match(line.rstrip(b"\r\n"))) and match["name"] == name.encode()
    ]
    return found[-1].decode("utf-8", "surrogateescape") if found else None
