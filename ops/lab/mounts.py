"""What is mounted, as a process sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_ESCAPED = re.compile(r"\\([0-7]{3})")
"""A blank, tab, line feed or backslash in mountinfo: a backslash and three octal digits."""


@dataclass(frozen=True)
class Mount:
    """A mount point, and the major number of the device that is mounted there."""

    place: str
    major: int


def seen_by(process: int | str) -> list[Mount]:
    """Return the mounts in the order in which they were made; none for a process that is gone."""
    try:
        lines = Path(f"/proc/{process}/mountinfo").read_text().splitlines()
    except OSError:
        return []
    fields = [line.split() for line in lines]
    return [Mount(_plain(field[4]), int(field[2].partition(":")[0])) for field in fields]


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)
