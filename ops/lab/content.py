"""The documents of the campus host, made from a seed: the same seed gives the same bytes.

Pure: entries are values, and their bytes are computed; ops/lab/planting.py writes them. The
names hold what breaks naive tools. Sizes spread as on a file server: most files are small,
most bytes are in a few large ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

MIB = 1 << 20

HOSTILE = [
    b"with spaces.txt",
    b"  leading and trailing  ",
    b"single'quote.txt",
    b'double"quote.txt',
    b"line\nfeed.txt",
    b"ends in a line feed\n",
    b"carriage\rreturn.txt",
    b"tab\tstop.txt",
    b"back\\slash.txt",
    b"\\",
    b"-leading-dash",
    b"--delete",
    b"-",
    b"star*.txt",
    b"question?.txt",
    b"[brackets].txt",
    b"{braces,both}.txt",
    b"dollar$HOME.txt",
    b"`id`.txt",
    b"semi;colon & pipe|.txt",
    b"#hash.txt",
    b"!bang.txt",
    b"~tilde",
    b"per%cent %00.txt",
    b"colon:in:name.txt",
    "unicode-Zürich-日本語-🗎.txt".encode(),
    "combining-e\u0301.txt".encode(),
    "composed-é.txt".encode(),
    b"latin1-caf\xe9.txt",
    b"\xff\xfe broken utf-8",
    b"escape\x1b[31mred.txt",
    b"bell\x07.txt",
    b"...",
    b".hidden",
    b"x" * 255,
]
"""File names that break naive tools; every set of documents holds each of them once."""

TOPICS = ["minutes", "budget", "courses", "theses", "photos", "maps", "letters", "archive"]

ENDINGS = [".txt", ".pdf", ".odt", ".csv", ".jpg", ".tex", ".html"]


@dataclass(frozen=True)
class Entry:
    """A file, folder or link below the root.

    `path` has no leading slash. A file has `size` bytes, computed from `key` unless `words`
    are given; the target of a hard link is the path of a file before it, that of a symbolic
    link any text.
    """

    path: bytes
    kind: Literal["file", "folder", "symlink", "hardlink"]
    size: int = 0
    key: int = 0
    target: bytes = b""
    mode: int = 0o644
    owner: int = 0
    mtime: int = 0
    words: bytes | None = None


def documents(seed: int, count: int, largest_mb: float) -> Iterator[Entry]:
    """Yield `count` files, and folders and links beside them, in an order fit for writing.

    The hostile names, the empty file and the attachments are among the files; when `count` is
    below their number they are there all the same. The largest attachment has `largest_mb`
    MiB, others a half, a quarter and so on of it down to 1 MiB.
    """
    chance = random.Random(seed)  # noqa: S311 - content, no secret
    yield Entry(b"", "folder", mode=0o755, mtime=_time(chance))
    special = [*_hostile(chance), *_attachments(chance, largest_mb), *_odd(chance)]
    yield from special
    wanted = count - sum(entry.kind == "file" for entry in special)
    yield from _ordinary(chance, max(wanted, 0))


def data(entry: Entry) -> Iterator[bytes]:
    """Yield a file's bytes in blocks of up to 1 MiB; they do not compress.

    A block is a stretch of one fixed pool of random bytes, found by key and place, with both
    in front: blocks and files differ, and 600 MB take a second, not a minute.
    """
    if entry.words is not None:
        yield entry.words
        return
    place = 0
    while place < entry.size:
        length = min(MIB, entry.size - place)
        offset = (entry.key * 7919 + place // MIB * 104729) % MIB
        head = b"%016x%016x" % (entry.key, place)
        yield (head + _pool()[offset : offset + length])[:length]
        place += length


def _hostile(chance: random.Random) -> Iterator[Entry]:
    yield _folder(chance, b"hostile")
    for name in HOSTILE:
        yield _file(chance, b"hostile/" + name, chance.randrange(1, 4096))
    for name in (b"folder with\nline feed", b"-rf", b"caf\xe9", b"*"):
        yield _folder(chance, b"hostile/folders of such names/" + name)
        yield _file(chance, b"hostile/folders of such names/" + name + b"/file", 100)


def _attachments(chance: random.Random, largest_mb: float) -> Iterator[Entry]:
    yield _folder(chance, b"attachments")
    size, number = int(largest_mb * MIB), 0
    while size >= MIB or number == 0:
        # Not a whole number of blocks: the last block is where copying goes wrong.
        yield _file(chance, b"attachments/recording %d.mp4" % number, max(size - 12345, 1))
        size, number = size // 2, number + 1


def _odd(chance: random.Random) -> Iterator[Entry]:
    """Yield what is no plain file: empty ones, links, odd modes, owners and times."""
    yield _folder(chance, b"odd")
    yield _file(chance, b"odd/empty", 0)
    yield _folder(chance, b"odd/empty folder")
    yield _folder(chance, b"odd/deep/" + b"/".join(b"level %d" % n for n in range(20)))
    yield _file(chance, b"odd/original", 5000)
    yield Entry(b"odd/second name", "hardlink", target=b"odd/original")
    yield Entry(b"odd/third\nname", "hardlink", target=b"odd/original")
    for name, target in (
        (b"link", b"original"),
        (b"link to folder", b"../attachments"),
        (b"dangling", b"nowhere/at all"),
        (b"absolute", b"/etc/hostname"),
        (b"line\nfeed link", b"line\nfeed target"),
        (b"loop", b"loop"),
    ):
        yield Entry(b"odd/" + name, "symlink", target=target, mtime=_time(chance))
    for mode in (0o600, 0o400, 0o000, 0o755, 0o4755, 0o2750, 0o666):
        yield _file(chance, b"odd/mode %04o" % mode, 64, mode=mode)
    yield _file(chance, b"odd/owner 33", 64, owner=33)
    yield _file(chance, b"odd/owner without a name", 64, owner=4711)
    yield _file(chance, b"odd/before 1970", 64, mtime=-86400)
    yield _file(chance, b"odd/after 2038", 64, mtime=2**32 + 86400)


def _ordinary(chance: random.Random, count: int) -> Iterator[Entry]:
    """Yield ordinary files in folders of up to 200; half are below 6 KB, one in 20 above 100 KB."""
    for number in range(count):
        shelf, place = divmod(number, 200)
        topic = TOPICS[shelf % len(TOPICS)]
        folder = f"{topic}/{1990 + shelf // len(TOPICS)}".encode()
        if place == 0:
            yield _folder(chance, folder)
        name = f"{topic}-{number:05}{chance.choice(ENDINGS)}".encode()
        size = min(int(chance.lognormvariate(8.7, 1.7)), 4 * MIB)
        yield _file(chance, folder + b"/" + name, size)


def _folder(chance: random.Random, path: bytes) -> Entry:
    return Entry(path, "folder", mode=0o755, mtime=_time(chance))


def _file(
    chance: random.Random,
    path: bytes,
    size: int,
    *,
    mode: int = 0o644,
    owner: int = 0,
    mtime: int | None = None,
) -> Entry:
    key, made = chance.getrandbits(48), _time(chance)
    when = made if mtime is None else mtime
    return Entry(path, "file", size, key, mode=mode, owner=owner, mtime=when)


def _time(chance: random.Random) -> int:
    """Return a moment between 1995 and 2025."""
    return chance.randrange(788_918_400, 1_735_689_600)


@cache
def _pool() -> bytes:
    """Return the fixed pool: 2 MiB of random bytes, the same on every machine."""
    return random.Random(0).randbytes(2 * MIB)  # noqa: S311 - content, no secret
