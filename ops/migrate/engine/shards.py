"""How files are shared out among streams: shards of small ones, ranges of large ones. Pure.

A shard is one tar archive; files of one hard-link group lie in the same one. A file too big for
one stream is cut into ranges that several streams write at their places. All lie in one queue, so
a stream that has ended one thing takes the next, and the ranges at its end are smaller.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil

MEBI = 1 << 20

RANGE = 32 * MEBI
"""Bytes of a range, but for files of which there were more than 1024 then."""

BIG = 2 * RANGE
"""Files from this size on are cut into ranges."""

PER_FILE = 16 * 1024
"""What a file costs beyond its bytes, in bytes: its header, its opening and making."""

SHARD = 64 * MEBI
"""What a shard costs at the most, larger files and hard-link groups aside. Each starts some thirty
programs; of one that breaks off the files that were whole stay.
"""

WINDOW = 2 * MEBI
"""What one channel of OpenSSH moves in a round trip (channels.h: 64 packets of 32 KiB)."""

Done = frozenset[tuple[str, int, int]]
"""(key, offset, length) of ranges that have arrived."""


CLASSES = tuple(10**power for power in range(3, 10))
"""Sizes of files up to which they are counted together."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: path below the root, bytes, blocks of 512 it takes, names it has, find's %y.

    `modified` and `changed` are its mtime and its ctime, which nobody can set back.
    """

    path: bytes
    size: int
    blocks: int
    modified: str
    inode: str
    names: int
    kind: str = "f"
    changed: str = ""

    @property
    def is_hollow(self) -> bool:
        """Return whether it is mostly holes: those an archive leaves out, and ranges don't.

        Of other files with holes the ranges bring zeros, which become holes again: that costs
        less than one stream for all of a large file, which is begun anew when it breaks.
        """
        return self.blocks * 512 < self.size // 2


@dataclass(frozen=True)
class Big:
    """A file that is moved in ranges; `key` stands for this very content of it."""

    path: bytes
    size: int
    modified: str
    inode: str
    changed: str = ""

    @property
    def key(self) -> str:
        """Return a word that another size, time or file under the name would change."""
        facts = self.size, self.modified, self.changed, self.inode
        told = " ".join(map(str, facts)).encode() + b" " + self.path
        return sha256(told).hexdigest()[:24]

    def missing(self, done: Done = frozenset()) -> Iterator[Range]:
        """Yield the ranges, each of RANGE at the most, of what is not `done`."""
        step = max(RANGE, ceil(self.size / 1024 / MEBI) * MEBI)
        there = sorted((offset, length) for key, offset, length in done if key == self.key)
        at = 0
        for offset, length in [*there, (self.size, 0)]:
            for start in range(at, offset, step):
                yield Range(self, start, min(step, offset - start))
            at = max(at, offset + length)


@dataclass(frozen=True)
class Range:
    """A part of a big file."""

    big: Big
    offset: int
    length: int
    files = 0

    @property
    def size(self) -> int:
        """Return the bytes that it moves."""
        return self.length

    def pieces(self) -> list[Range]:
        """Return it in four, the first ones in whole MEBI."""
        step = max(MEBI, self.length // 4 // MEBI * MEBI)
        starts = range(0, self.length, step)
        return [Range(self.big, self.offset + at, min(step, self.length - at)) for at in starts]


@dataclass
class Shard:
    """Files that travel in one archive: their paths, each ended by a NUL byte."""

    names: bytearray = field(default_factory=bytearray)
    files: int = 0
    size: int = 0

    @property
    def cost(self) -> int:
        """Return what it takes to move it, in bytes."""
        return self.size + self.files * PER_FILE

    def take(self, path: bytes, size: int) -> None:
        """Take one more file."""
        self.names += path + b"\0"
        self.files += 1
        self.size += size

    def join(self, other: Shard) -> None:
        """Take all that the other one holds."""
        self.names += other.names
        self.files += other.files
        self.size += other.size


Task = Shard | Range


class Sharing:
    """Files are added one by one; only their names are kept, so a million fit.

    `rest` has the paths of entries that are no files, each ended by a NUL byte. `plain` says
    that the target was empty, and that all of the source could be listed.
    """

    def __init__(self) -> None:
        self.rest = bytearray()
        self.entries = 0
        self.sizes = 0
        self.plain = False
        self.bigs: list[Big] = []
        self._classes = [(0, 0)] * (len(CLASSES) + 1)
        self._pieces: list[Shard] = [Shard()]
        self._groups: dict[str, Shard] = {}

    def count(self, size: int) -> None:
        """Take note of a file of the set, whether it is to be moved or not."""
        index = bisect_left(CLASSES, size)
        files, sizes = self._classes[index]
        self._classes[index] = files + 1, sizes + size

    @property
    def classes(self) -> tuple[tuple[int, int, int], ...]:
        """Return (limit in bytes, files, bytes) of each class of sizes; 0 is without a limit."""
        limits = (*CLASSES, 0)
        return tuple((limit, *row) for limit, row in zip(limits, self._classes, strict=True))

    def add(self, entry: Entry) -> None:
        """Share out one more file."""
        self.entries += 1
        self.sizes += entry.size
        if entry.names == 1 and entry.size >= BIG and not entry.is_hollow:
            told = entry.size, entry.modified, entry.inode, entry.changed
            self.bigs.append(Big(entry.path, *told))
            return
        taken = min(entry.size, entry.blocks * 512)
        if entry.names > 1:
            group = self._groups.setdefault(entry.inode, Shard())
            group.take(entry.path, 0 if group.files else taken)
            return
        if self._pieces[-1].cost + taken > SHARD // 32 and self._pieces[-1].files:
            self._pieces.append(Shard())
        self._pieces[-1].take(entry.path, taken)

    def leave(self, entry: Entry) -> None:
        """Take note of an entry that is no file."""
        self.entries += 1
        self.rest += (entry.path or b".") + b"\0"

    def unfinished(self) -> bytes:
        """Return the paths of entries that archives don't bring whole, each with a NUL byte."""
        return b"".join([self.rest, *(big.path + b"\0" for big in self.bigs)])

    @property
    def size(self) -> int:
        """Return the bytes of all files that were added."""
        return sum(big.size for big in self.bigs) + sum(piece.size for piece in self._all())

    @property
    def files(self) -> int:
        """Return how many files were added."""
        return len(self.bigs) + sum(piece.files for piece in self._all())

    @property
    def mean(self) -> float:
        """Return the mean size of the files that are no big ones, 0 for none."""
        pieces = list(self._all())
        return sum(piece.size for piece in pieces) / max(1, sum(piece.files for piece in pieces))

    def tasks(self, streams: int, done: Done = frozenset()) -> list[Task]:
        """Return the queue for so many streams, without the ranges that are `done`.

        Shards and ranges get smaller towards the end, so that all streams end at the same
        time. Big files and small ones alternate: the former keep the link busy, the latter
        the disks.
        """
        bigs = sorted(self.bigs, key=lambda one: -one.size)
        ranges = [part for big in bigs for part in big.missing(done)]
        shards = list(_merged(list(self._all()), streams))
        return _ending_small(_interleaved(ranges, shards), streams * RANGE // 2)

    def sample(self, count: int) -> list[bytes]:
        """Return the paths of some of the files that are no big ones, spread over all."""
        pieces = list(self._all())
        chosen = pieces[:: max(1, len(pieces) // count)][:count]
        return [bytes(piece.names[: piece.names.index(0)]) for piece in chosen]

    def _all(self) -> Iterator[Shard]:
        yield from (piece for piece in self._pieces if piece.files)
        yield from self._groups.values()


def streams_needed(rate: float, round_trip: float) -> int:
    """Return how many channels carry `rate` bytes a second over this round trip."""
    return max(1, ceil(rate * round_trip / WINDOW))


def _merged(pieces: Sequence[Shard], streams: int) -> Iterator[Shard]:
    """Yield shards of what is left; the first ones differ, as all streams begin at once with them.

    Streams that end together leave the link idle, while each confirms and begins anew.
    """
    left = sum(piece.cost for piece in pieces)
    shard, number = Shard(), 1
    for piece in pieces:
        share = min(SHARD, max(SHARD // 4, left // streams)) * min(number, streams) // streams
        if shard.files and shard.cost + piece.cost > share:
            left -= shard.cost
            yield shard
            shard, number = Shard(), number + 1
        shard.join(piece)
    if shard.files:
        yield shard


def _ending_small(tasks: list[Task], end: int) -> list[Task]:
    """Return the queue with smaller ranges among its last `end` bytes."""
    small: list[Task] = []
    while tasks and end > 0:
        task = tasks.pop()
        end -= task.size
        small += reversed(task.pieces()) if isinstance(task, Range) else [task]
    return tasks + small[::-1]


def _interleaved(ranges: Sequence[Range], shards: Sequence[Shard]) -> list[Task]:
    """Return both in one queue, each evenly spread."""
    spread: list[tuple[float, Task]] = []
    rows: tuple[Sequence[Task], ...] = (ranges, shards)
    for row in rows:
        spread += [((index + 0.5) / len(row), task) for index, task in enumerate(row)]
    return [task for _, task in sorted(spread, key=lambda pair: pair[0])]
