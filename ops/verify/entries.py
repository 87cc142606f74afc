"""The entries of two mtree specifications that are not the same, and what nobody knows of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import OpsError
from ops.verify import mtree
from ops.verify.folders import upwards
from ops.verify.manifest import MTREE, beside
from ops.verify.md5list import BadLine
from ops.verify.mtree import Entry
from ops.verify.streams import Lines, blocks, damaged


@dataclass
class Entries:
    """By path, the entries of both sides whose lines differ, and all that were not read.

    Nothing without an mtree on both sides.
    """

    left: dict[bytes, Entry] = field(default_factory=dict)
    right: dict[bytes, Entry] = field(default_factory=dict)
    unread: set[bytes] = field(default_factory=set)

    def hides(self, path: bytes) -> bool:
        """Return whether `path` or a folder above it was not read to its end on some side."""
        return bool(self.unread) and any(above in self.unread for above in upwards(path))


def differing(left: Path, right: Path) -> Entries:
    """Return the entries of two manifests that differ. Raise OpsError naming a damaged line."""
    found = Entries()
    pair = beside(left, MTREE), beside(right, MTREE)
    if not all(path.exists() for path in pair):
        return found
    with pair[0].open("rb") as a, pair[1].open("rb") as b:
        sides = [Lines(p, f, paths, mtree.HEAD) for p, f in zip(pair, (a, b), strict=True)]
        for ours, theirs in blocks(*sides):
            mine, others = _not_same(ours, theirs)
            found.left.update(_parsed(pair[0], mine))
            found.right.update(_parsed(pair[1], others))
    both = (*found.left.items(), *found.right.items())
    found.unread = {path for path, entry in both if entry.unread}
    return found


def paths(lines: list[bytes]) -> list[bytes]:
    """Return the paths of lines of an mtree specification. Raise BadLine when one is damaged."""
    names = []
    for line in lines:
        name, _, words = line.partition(b" ")
        if not words.startswith(b"type="):
            mtree.parse(line)
        names.append(mtree.decode(name))
    return names


def _not_same(ours: list[bytes], theirs: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the lines of each block that are not in the other, or prove nothing."""
    unread = _unread(ours)
    if ours == theirs and not unread:
        return [], []
    common = set(ours).intersection(theirs) - unread
    return [x for x in ours if x not in common], [x for x in theirs if x not in common]


def _unread(lines: list[bytes]) -> set[bytes]:
    """Return the lines of files and folders that were not read to their end; mostly none."""
    text = b"\n".join(lines)
    if text.count(b" type=file ") == text.count(b" md5=") and mtree.UNREAD not in text:
        return set()
    return {
        x for x in lines if x.endswith(mtree.UNREAD) or (b" type=file " in x and b" md5=" not in x)
    }


def _parsed(path: Path, lines: list[bytes]) -> dict[bytes, Entry]:
    try:
        return {entry.path: entry for entry in map(mtree.parse, lines)}
    except BadLine:
        raise _first_damaged(path) from None


def _first_damaged(path: Path) -> Exception:
    """Return the error that names the first line which is none."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                if number > 1:
                    mtree.parse(line.removesuffix(b"\n"))
            except BadLine as error:
                return damaged(path, number, error)
    return OpsError(f"{path} changed while it was read")
