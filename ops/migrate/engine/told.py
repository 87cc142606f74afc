"""What the streams' script tells: how far each lane is, and which tasks have ended. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ops.migrate.engine.streams import FACTOR

RECORD = 512 * FACTOR
"""Bytes of a record of tar, in which its checkpoints count."""

_DONE = re.compile(rb"done (?P<lane>\S+) (?P<number>\d+) (?P<code>\d+) ?(?P<said>.*)\Z", re.DOTALL)
_LANE = re.compile(rb"==> said\.(?P<lane>\S+) <==\Z")
_RANGE = re.compile(rb"(?P<bytes>\d+) bytes .*copied")
_TAR = re.compile(rb"tar: (?P<number>\d+) (?P<records>\d+)\Z")


@dataclass(frozen=True)
class Done:
    """A task that has ended; code 0 is well, 24 with gaps, 255 a connection that broke."""

    lane: str
    number: int
    code: int
    said: str


@dataclass
class Told:
    """What the script has told so far, in chunks of any size: `sent` has the bytes of what each
    lane is at.
    """

    sent: dict[str, int] = field(default_factory=dict)
    _rest: bytes = b""
    _lane: str = ""

    def feed(self, chunk: bytes) -> list[Done]:
        """Take in the next chunk; return the tasks that have ended."""
        *lines, self._rest = re.split(rb"[\r\n]", self._rest + chunk)
        return [done for line in lines if (done := self._hear(line)) is not None]

    def _hear(self, line: bytes) -> Done | None:
        if found := _DONE.match(line):
            lane = found["lane"].decode()
            self.sent[lane] = 0
            said = found["said"].decode("utf-8", "backslashreplace")
            return Done(lane, int(found["number"]), int(found["code"]), said)
        if found := _LANE.match(line):
            self._lane = found["lane"].decode()
            self.sent[self._lane] = 0
        elif found := _RANGE.match(line):
            self.sent[self._lane] = int(found["bytes"])
        elif found := _TAR.match(line):
            self.sent[self._lane] = int(found["records"]) * RECORD
        return None
