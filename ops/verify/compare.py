"""Two manifests compared by path: what is missing, extra, different, moved, or metadata only.

The left side is the one that counts (the source), the right side is held against it. Whether
content is the same is decided by the md5sum lists alone; FILE.mtree, where both sides have
one, adds folders, links and special files, and all metadata.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from ops.verify import md5list, spread
from ops.verify.entries import Entries, differing
from ops.verify.md5list import Unsorted
from ops.verify.mtree import Entry
from ops.verify.streams import Lines, blocks

Kind = Literal["missing", "extra", "different", "moved", "metadata", "unread"]
"""`unread`: one side at least did not read it to its end, so nobody knows; of a folder, nor what
is below it."""

EMPTY = b"d41d8cd98f00b204e9800998ecf8427e"
"""MD5 of nothing: empty files say nothing about where they came from."""


@dataclass(frozen=True)
class Difference:
    """One path that is not the same on both sides; `words` says what differs.

    `to` is where a moved file is on the right.
    """

    path: bytes
    kind: Kind
    words: str = ""
    to: bytes = b""


@dataclass
class Comparison:
    """What a comparison found; `files` counts those with the same content on both sides."""

    files: int = 0
    differences: list[Difference] = field(default_factory=list)

    def of(self, *kinds: Kind) -> list[Difference]:
        """Return the differences of these kinds."""
        return [difference for difference in self.differences if difference.kind in kinds]


def verdict(found: Comparison) -> Literal["same", "different", "incomplete"]:
    """Return what a comparison alone amounts to; metadata does not count."""
    kinds = {difference.kind for difference in found.differences} - {"metadata"}
    if kinds - {"unread"}:
        return "different"
    return "incomplete" if kinds else "same"


def counts(found: Comparison) -> dict[str, int]:
    """Return how many differences of each kind there are."""
    return dict(Counter[str](difference.kind for difference in found.differences))


Sides = tuple[dict[bytes, bytes], dict[bytes, bytes]]


def compare(left: Path, right: Path) -> Comparison:
    """Return the comparison of two manifests; lists without FILE.mtree are compared by content.

    Lists may be in any order, but quick only when sorted. Raise OpsError naming the line of a
    damaged manifest.
    """
    found = Comparison()
    only_left, only_right = _contents(left, right, found)
    entries = differing(left, right)
    found.differences = sorted(
        [*_files(only_left, only_right, entries), *_others(entries, only_left, only_right)],
        key=lambda difference: difference.path,
    )
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
    ours, theirs, unread = entries.left, entries.right, entries.unread
    lost = [path for path in left if path not in right and not entries.hides(path)]
    gained = [path for path in right if path not in left and not entries.hides(path)]
    moved = dict(_moved(lost, gained, left, right))
    arrived = set(moved.values())
    for path in lost:
        if path in moved:
            yield Difference(path, "moved", to=moved[path])
        else:
            yield _replaced(path, "missing", theirs)
    for path in gained:
        if path not in arrived and not _is_other(ours.get(path)):
            yield Difference(path, "extra")
    for path in left:
        if path in right and path not in unread:
            yield Difference(path, "different", _sizes(ours.get(path), theirs.get(path)))
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


def _replaced(path: bytes, kind: Kind, others: dict[bytes, Entry]) -> Difference:
    other = others.get(path)
    if _is_other(other) and other is not None:
        return Difference(path, "different", f"a file here, a {other.type} there")
    return Difference(path, kind)


def _is_other(entry: Entry | None) -> bool:
    return entry is not None and entry.type != "file"


def _sizes(ours: Entry | None, theirs: Entry | None) -> str:
    if ours is None or theirs is None or ours.size == theirs.size:
        return "content"
    return f"{ours.size} bytes here, {theirs.size} there"


def _others(
    entries: Entries, only_left: dict[bytes, bytes], only_right: dict[bytes, bytes]
) -> Iterator[Difference]:
    """Yield what the md5sum lists can't tell: folders, links, special files, all metadata."""
    ours, theirs = entries.left, entries.right
    for path, entry in ours.items():
        other = theirs.get(path)
        if other is None:
            if entry.type != "file" and not entries.hides(path):
                yield Difference(path, "missing", entry.type)
        elif entry.type == other.type == "file":
            yield from _metadata(entry, other, known=path in only_left or path in only_right)
        elif entry.type != other.type:
            if entry.type != "file":
                yield Difference(path, "different", f"a {entry.type} here, a {other.type} there")
        elif entry.words.get("link") != other.words.get("link"):
            yield Difference(path, "different", "another link target")
        else:
            yield from _metadata(entry, other, known=False)
    for path, entry in theirs.items():
        if path not in ours and entry.type != "file" and not entries.hides(path):
            yield Difference(path, "extra", entry.type)


def _metadata(ours: Entry, theirs: Entry, *, known: bool) -> Iterator[Difference]:
    """Yield one difference for all metadata, unless the content differs or was not read."""
    if known or ours.unread or theirs.unread:
        return
    a, b = ours.metadata, theirs.metadata
    words = [
        f"{word} {_value(a, word)} here, {_value(b, word)} there"
        for word in sorted(a.keys() | b.keys())
        if a.get(word) != b.get(word)
    ]
    if words:
        yield Difference(ours.path, "metadata", "; ".join(words))


def _value(words: dict[str, bytes], word: str) -> str:
    return words[word].decode() if word in words else "-"
