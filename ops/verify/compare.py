"""Two manifests compared by path: what is missing, extra, different, moved, or metadata only.

The left side is the one that counts (the source), the right side is held against it. Whether
content is the same is decided by the md5sum lists alone; FILE.mtree, where both sides have
one, adds folders, links and special files, and all metadata.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from ops.verify import md5list, spread
from ops.verify.differences import Comparison, Difference
from ops.verify.entries import Entries
from ops.verify.md5list import Unsorted
from ops.verify.streams import Lines, blocks

EMPTY = b"d41d8cd98f00b204e9800998ecf8427e"
"""MD5 of nothing: empty files say nothing about where they came from."""

Sides = tuple[dict[bytes, bytes], dict[bytes, bytes]]


def compare(left: Path, right: Path) -> Comparison:
    """Return the comparison of two manifests; lists without FILE.mtree are compared by content.

    Lists may be in any order, but quick only when sorted. Raise OpsError naming the line of a
    damaged manifest.
    """
    found = Comparison()
    only_left, only_right = _contents(left, right, found)
    entries = Entries(only_left, only_right)
    found.differences = list(entries.differences(left, right))
    found.differences += _files(only_left, only_right, entries)
    found.differences.sort(key=lambda difference: difference.path)
    return found


def _contents(left: Path, right: Path, found: Comparison) -> Sides:
    """Return digests by path of the lines that stand on one side only; count the others."""
    only: Sides = ({}, {})
    try:
        with left.open("rb") as a, right.open("rb") as b:
            sides = Lines(left, a, md5list.sorted_paths), Lines(right, b, md5list.sorted_paths)
            for ours, theirs in blocks(*sides):
                _gather(ours, theirs, only, found)
    except Unsorted:
        only = ({}, {})
        found.files = 0
        with TemporaryDirectory(prefix="ops-compare-") as folder:
            for ours, theirs in spread.pairs(left, right, Path(folder)):
                _gather(ours, theirs, only, found)
    same = [path for path, digest in only[0].items() if only[1].get(path) == digest]
    found.files += len(same)  # their lines differ, in a star, capitals or needless escapes
    for path in same:
        del only[0][path], only[1][path]
    return only


def _gather(ours: list[bytes], theirs: list[bytes], only: Sides, found: Comparison) -> None:
    """Count what two blocks have in common, and put the rest into `only`."""
    if ours == theirs:
        found.files += len(ours)
        return
    common = set(ours).intersection(theirs)
    found.files += len(common)
    for lines, mapping in zip((ours, theirs), only, strict=True):
        mapping.update([md5list.parse(line) for line in lines if line not in common])


def _files(
    left: dict[bytes, bytes], right: dict[bytes, bytes], entries: Entries
) -> Iterator[Difference]:
    """Yield how the files differ whose content does not stand on both sides."""
    unread = entries.unread
    lost = [path for path in left if path not in right and not entries.hides(path)]
    gained = [path for path in right if path not in left and not entries.hides(path)]
    moved = dict(_moved(lost, gained, left, right))
    arrived = set(moved.values())
    for path in lost:
        if path in moved:
            yield Difference(path, "moved", to=moved[path])
        elif path in entries.replaced:
            yield Difference(path, "different", f"a file here, a {entries.replaced[path]} there")
        else:
            yield Difference(path, "missing")
    for path in gained:
        if path not in arrived and path not in entries.replacing:
            yield Difference(path, "extra")
    for path in left:
        if path in right and path not in unread:
            yield Difference(path, "different", entries.sizes.get(path, "content"))
    for path in unread:
        yield Difference(path, "unread")


def _moved(
    lost: Iterable[bytes],
    gained: Iterable[bytes],
    left: dict[bytes, bytes],
    right: dict[bytes, bytes],
) -> Iterator[tuple[bytes, bytes]]:
    """Yield (old, new) path for each lost file whose content turned up elsewhere, one for one."""
    places = defaultdict(list)
    for path in sorted(gained, reverse=True):
        places[right[path]].append(path)
    for path in sorted(lost):
        digest = left[path]
        if digest != EMPTY and places[digest]:
            yield path, places[digest].pop()
