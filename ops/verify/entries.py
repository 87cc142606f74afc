"""What two mtree specifications tell beyond the md5sum lists: folders, links, special files, and
all metadata; and what nobody knows, as it was not read.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

from ops.errors import OpsError
from ops.verify import mtree
from ops.verify.differences import Difference
from ops.verify.folders import upwards
from ops.verify.manifest import MTREE, beside
from ops.verify.md5list import BadLine, Unsorted
from ops.verify.streams import Lines, blocks, damaged

_CONTENT = {b"type", b"size", b"md5", b"link"}


class Entries:
    """The entries of both sides. Without an mtree on both sides they tell nothing.

    `left` and `right` hold the paths whose lines in the md5sum lists are not the same. What the
    mtree says of those is kept here, for whoever names their differences.
    """

    def __init__(self, left: Container[bytes], right: Container[bytes]) -> None:
        self._only = left, right
        self.unread: set[bytes] = set()
        """What was not read to its end on some side."""
        self.sizes: dict[bytes, str] = {}
        """Both sizes in words, of files that have not the same."""
        self.replaced: dict[bytes, str] = {}
        """The type on the right of what is a file on the left and something else there."""
        self.replacing: set[bytes] = set()
        """Files on the right that are something else on the left."""

    def hides(self, path: bytes) -> bool:
        """Return whether `path` or a folder above it was not read to its end on some side."""
        return bool(self.unread) and any(folder in self.unread for folder in upwards(path))

    def differences(self, left: Path, right: Path) -> Iterator[Difference]:
        """Yield how the entries of two manifests differ. Raise OpsError naming a damaged line."""
        pair = beside(left, MTREE), beside(right, MTREE)
        if not all(path.exists() for path in pair):
            return
        with pair[0].open("rb") as a, pair[1].open("rb") as b:
            try:
                sides = [Lines(p, f, paths, mtree.HEAD) for p, f in zip(pair, (a, b), strict=True)]
                for ours, theirs in blocks(*sides):
                    mine, others = _not_same(ours, theirs)
                    if mine or others:
                        yield from self._block(_by_path(pair[0], mine), _by_path(pair[1], others))
            except Unsorted as error:
                raise damaged(error.path, error.number, BadLine(str(error))) from None

    def _block(self, ours: Words, theirs: Words) -> Iterator[Difference]:
        """Yield the differences of lines that cover the same range of paths.

        Folders come before what is in them, so what they hide is known by then.
        """
        for side in (ours, theirs):
            self.unread.update(path for path, words in side.items() if _unread(words))
        for path, words in ours.items():
            other = theirs.get(path)
            if other is None:
                yield from self._alone(path, words, missing=True)
            else:
                yield from self._pair(path, words, other)
        for path, words in theirs.items():
            if path not in ours:
                yield from self._alone(path, words, missing=False)

    def _alone(self, path: bytes, words: list[bytes], *, missing: bool) -> Iterator[Difference]:
        kind = _type(words)
        if kind != "file" and not self.hides(path):
            yield Difference(path, "missing" if missing else "extra", kind)

    def _pair(self, path: bytes, ours: list[bytes], theirs: list[bytes]) -> Iterator[Difference]:
        here, there = _without(ours, theirs), _without(theirs, ours)
        if b"type" in here or b"type" in there:
            yield from self._types(path, _type(ours), _type(theirs))
            return
        if b"size" in here and b"size" in there:
            sizes = here[b"size"].decode(), there[b"size"].decode()
            self.sizes[path] = "{} bytes here, {} there".format(*sizes)
        if b"link" in here or b"link" in there:
            yield Difference(path, "different", "another link target")
        elif not self._known_to_differ(path) and not (_unread(ours) or _unread(theirs)):
            yield from _metadata(path, here, there)

    def _known_to_differ(self, path: bytes) -> bool:
        return any(path in side for side in self._only)

    def _types(self, path: bytes, here: str, there: str) -> Iterator[Difference]:
        if here == "file":
            self.replaced[path] = there
            return
        if there == "file":
            self.replacing.add(path)
        yield Difference(path, "different", f"a {here} here, a {there} there")


Words = dict[bytes, list[bytes]]
"""The words of lines, by path."""


def paths(lines: list[bytes]) -> list[bytes]:
    """Return the paths of lines of an mtree specification. Raise BadLine when one is damaged."""
    names = [line.partition(b" type=")[0] for line in lines]
    text = b"".join(names)
    if b" " in text or not all(names):
        names = [mtree.checked(line).partition(b" ")[0] for line in lines]
    return names if b"\\" not in text else [mtree.decode(name) for name in names]


def _not_same(ours: list[bytes], theirs: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the lines of each block that are not in the other, or prove nothing."""
    unread = _unread_lines(ours)
    if ours == theirs and not unread:
        return [], []
    common = set(ours).intersection(theirs) - unread
    return [x for x in ours if x not in common], [x for x in theirs if x not in common]


def _unread_lines(lines: list[bytes]) -> set[bytes]:
    """Return the lines of files and folders that were not read to their end; mostly none."""
    text = b"\n".join(lines)
    if text.count(b" type=file ") == text.count(b" md5=") and mtree.UNREAD not in text:
        return set()
    return {
        x for x in lines if x.endswith(mtree.UNREAD) or (b" type=file " in x and b" md5=" not in x)
    }


def _by_path(path: Path, lines: list[bytes]) -> Words:
    try:
        split = [mtree.checked(line).split(b" ") for line in lines]
    except BadLine:
        raise _first_damaged(path) from None
    return {mtree.decode(words[0]): words for words in split}


def _type(words: list[bytes]) -> str:
    return next(word[5:] for word in words[1:] if word.startswith(b"type=")).decode()


def _unread(words: list[bytes]) -> bool:
    """Return whether these are the words of what nobody read to its end."""
    if b"type=file" in words:
        return not words[-1].startswith(b"md5=") and not any(w.startswith(b"md5=") for w in words)
    return b"type=dir" in words and b"tags=unread" in words


def _without(words: list[bytes], others: list[bytes]) -> dict[bytes, bytes]:
    """Return the keywords that the other side does not have with the same value."""
    pairs = [word.partition(b"=") for word in words[1:] if word not in others]
    return {pair[0]: pair[2] for pair in pairs}


def _metadata(
    path: bytes, here: dict[bytes, bytes], there: dict[bytes, bytes]
) -> Iterator[Difference]:
    """Yield one difference for all metadata, if there is any."""
    words = [
        b"%b %b here, %b there" % (word, here.get(word, b"-"), there.get(word, b"-"))
        for word in sorted((here.keys() | there.keys()) - _CONTENT)
    ]
    if words:
        yield Difference(path, "metadata", b"; ".join(words).decode())


def _first_damaged(path: Path) -> Exception:
    """Return the error that names the first line which is none."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                if number > 1:
                    mtree.checked(line.removesuffix(b"\n"))
            except BadLine as error:
                return damaged(path, number, error)
    return OpsError(f"{path} changed while it was read")
