"""What a worker is asked to read, and what of its answer counts. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from ops.verify import md5list


@dataclass(frozen=True)
class Batch:
    """Files that one worker reads in turn; `look` is the digest of what was seen of them."""

    files: Sequence[int]
    names: list[bytes]
    look: bytes
    size: int = 0

    def frame(self, number: int, pace: bytes = b"0", limit: int = 0) -> bytes:
        """Return the batch as the script takes it; `pace` and `limit` as read.sh explains."""
        names = b"\0".join(self.names) + b"\0"
        return b"batch %d %d %d %b\n" % (number, len(names), limit, pace) + names


@dataclass(frozen=True)
class Answer:
    """What came back of a batch: a digest for each file, None for one not read to its end.

    `calm` says whether all files looked the same after reading as before.
    """

    batch: Batch
    digests: list[bytes | None]
    calm: bool
    code: int
    errors: bytes = field(repr=False)


def answer(batch: Batch, told: bytes, *, escaped: bool) -> Answer:
    """Return what the host `told` of the batch: sums, NUL, exit code, NUL, look, LF, errors.

    A sum counts only when its record is whole, its name was asked for, and either md5sum
    ended well or says which others it could not read; a doubtful batch has no digests at all.
    """
    nothing: list[bytes | None] = [None] * len(batch.names)
    parts = told.rsplit(b"\0", 2)
    if len(parts) != 3 or not parts[1].isdigit():
        return Answer(batch, nothing, False, 1, b"")
    look, _, errors = parts[2].partition(b"\n")
    calm, code = look.startswith(batch.look), int(parts[1])
    plain = not escaped or parts[0].endswith(b"\0")  # a file read in slices is told plainly
    records = parts[0].split(b"\0") if plain else _unescaped(parts[0])
    records.pop()
    if len(records) == len(batch.names) and not code:
        if [record[34:] for record in records] == batch.names:
            return Answer(batch, [record[:32] for record in records], calm, code, errors)
        return Answer(batch, nothing, calm, code, errors)
    known = {record[34:]: record[:32] for record in records if len(record) > 34}
    digests = [known.get(name) for name in batch.names]
    doubtful = (None in digests) != bool(code)
    return Answer(batch, nothing if doubtful else digests, calm, code, errors)


def _unescaped(text: bytes) -> list[bytes]:
    return [
        b"%b  %b" % (record[1:33], md5list.unescape(record[35:])) if record[:1] == b"\\" else record
        for record in text.split(b"\n")
    ]


def look_digest(identities: list[bytes]) -> bytes:
    """Return the hex MD5 of the lines that a second look at unchanged files gives."""
    text = b"\n".join(identities) + b"\n" if identities else b""
    return hashlib.md5(text, usedforsecurity=False).hexdigest().encode()
