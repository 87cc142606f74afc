"""What could not be verified: which entry, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["unreadable", "vanished", "changed", "corrupted"]


@dataclass(frozen=True, order=True)
class Fault:
    """An entry that was not read to its end, or not left alone while it was read."""

    path: bytes
    kind: Kind
    reason: str = ""
