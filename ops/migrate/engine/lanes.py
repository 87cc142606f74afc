"""What each lane of the streams has done so far. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Lanes:
    """Bytes and files that each lane has sent, and how often it lost what is then sent again."""

    bytes: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)

    def sent(self, lane: str, size: int, files: int) -> None:
        """Take note that a lane has sent so much."""
        self.bytes[lane] += size
        self.files[lane] += files

    def lost(self, lane: str) -> None:
        """Take note that a lane lost its connection in the middle of something."""
        self.retries[lane] += 1

    def at(self, now: Mapping[str, int]) -> dict[str, int]:
        """Return the bytes by lane, with those of what each is at `now`."""
        return {lane: self.bytes[lane] + now.get(lane, 0) for lane in sorted({*self.bytes, *now})}
