"""Lists in any order, made comparable: lines spread over files by their path.

Whatever the order of two lists, lines of the same path come to the same bucket. Buckets are
small enough for memory; the lists as a whole need not be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from zlib import crc32

from ops.verify import md5list
from ops.verify.md5list import BadLine
from ops.verify.streams import damaged

BUCKET = 4 * 1024 * 1024
"""Bytes of the larger list in one bucket, about."""

LINES = 20_000
"""Lines taken at a time."""


def pairs(left: Path, right: Path, folder: Path) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Yield the lines of both lists that belong together, bucket by bucket.

    They come as this suite writes lines, paths with `./` in front. `folder` is where the buckets
    are meanwhile. Raise OpsError naming the line that is damaged, or says of a path something
    else than a line before.
    """
    count = max(left.stat().st_size, right.stat().st_size) // BUCKET + 1
    ours = _spread(left, folder, "left", count)
    theirs = _spread(right, folder, "right", count)
    for one, other in zip(ours, theirs, strict=True):
        yield _lines(one, left), _lines(other, right)
        one.unlink()
        other.unlink()


def _spread(path: Path, folder: Path, side: str, count: int) -> list[Path]:
    buckets = [folder / f"{side}.{number}" for number in range(count)]
    with path.open("rb") as file, ExitStack() as stack:
        writes = [stack.enter_context(bucket.open("wb")).write for bucket in buckets]
        number = 1
        while lines := list(islice(file, LINES)):
            canonical = _canonical(path, number, lines)
            _put(canonical, writes)
            number += len(lines)
    return buckets


def _put(lines: list[bytes], writes: Sequence[Callable[[bytes], int]]) -> None:
    parts: list[list[bytes]] = [[] for _ in writes]
    count = len(parts)
    for line, name in zip(lines, _names(lines), strict=True):
        parts[crc32(name) % count].append(line)
    for write, part in zip(writes, parts, strict=True):
        write(b"".join(part))


def _names(lines: list[bytes]) -> list[bytes]:
    """Return what follows the digests of canonical lines: equal for equal paths."""
    if any(line.startswith(b"\\") for line in lines):
        return [line[33:] if line.startswith(b"\\") else line[32:] for line in lines]
    return [line[32:] for line in lines]


def _canonical(path: Path, number: int, lines: list[bytes]) -> list[bytes]:
    """Return the lines as this suite writes them, whoever wrote them."""
    kinds = {line[32:36] for line in lines}
    if md5list.are_digests(lines) and lines[-1].endswith(b"\n"):
        if kinds == {b"  ./"}:
            return lines
        if all(kind[:2] == b"  " and kind[2:3] not in (b".", b"/", b"\n", b"") for kind in kinds):
            return [line[:34] + b"./" + line[34:] for line in lines]
    return [_one(path, at, line) for at, line in enumerate(lines, number)]


def _one(path: Path, number: int, line: bytes) -> bytes:
    try:
        name, digest = md5list.parse(line.removesuffix(b"\n"))
    except BadLine as error:
        raise damaged(path, number, error) from None
    named = name if name.startswith((b"./", b"/")) else b"./" + name
    return md5list.line(digest, named)


def _lines(bucket: Path, path: Path) -> list[bytes]:
    lines = bucket.read_bytes().split(b"\n")[:-1]
    if len(set(_names(lines))) == len(lines):
        return lines
    unique = list(set(lines))
    if len(set(_names(unique))) < len(unique):
        raise _contradiction(path)
    return unique


def _contradiction(path: Path) -> Exception:
    """Return the error for the first line that says of a path what no line before said."""
    known: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            canonical = _one(path, number, line)
            name = _names([canonical])[0]
            if known.setdefault(name, canonical) != canonical:
                twice = BadLine("the same path again, with another checksum")
                return damaged(path, number, twice)
    return BadLine("a path stands twice")
