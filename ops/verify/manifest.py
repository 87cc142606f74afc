"""Manifests on disk: FILE for `md5sum -c`, FILE.mtree for the metadata.

FILE lists every regular file that was read to its end, FILE.mtree every entry. Both are sorted
by the raw bytes of the paths. FILE.look (ops.verify.seen) lies beside them, for us alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from ops.inventory import files
from ops.verify import md5list, mtree
from ops.verify.folders import upwards
from ops.verify.look import GONE, Look
from ops.verify.md5list import DIGEST

MTREE = ".mtree"
LOOK = ".look"

BLOCK = 4096
"""Entries put into words at a time."""

ZEROS = b"0" * DIGEST

_UNKNOWN = b" md5=" + ZEROS


def beside(path: Path, suffix: str) -> Path:
    """Return FILE.mtree or FILE.look of FILE."""
    return path.with_name(path.name + suffix)


class Draft:
    """Both files but for the checksums, made while these are still being reckoned.

    In their places stand zeros. A million entries are some hundred bytes each, no objects.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._order = array("q", sorted(range(len(look)), key=look.paths.__getitem__))
        self._extras = dict(self._targets())
        self._extras.update((i, self._extras.get(i, b"") + tags) for i, tags in self._groups())
        self._extras.update(dict.fromkeys(self._unread(), mtree.UNREAD))
        self.list = bytearray()
        self.mtree = bytearray(mtree.HEAD)
        self.files = array("q")
        """Indices of the regular files, in the order of the paths; and of each, where its
        checksum is in the list, and where its line of the mtree ends:"""
        self.starts = array("q")
        self.ends = array("q")
        for start in range(0, len(look), BLOCK):
            self._add(self._order[start : start + BLOCK])

    def _add(self, block: Sequence[int]) -> None:
        look = self._look
        files = [i for i in block if look.sizes[i] >= 0]
        self.files.extend(files)
        listed = md5list.lines(ZEROS, [look.paths[i] for i in files])
        starts = accumulate(map(len, listed), initial=len(self.list))
        self.starts.extend(
            start + line.startswith(b"\\") for start, line in zip(starts, listed, strict=False)
        )
        self.list += b"".join(listed)
        entries = self._entries(block)
        ends = list(accumulate(map(len, entries), initial=len(self.mtree)))[1:]
        self.ends.extend(end for i, end in zip(block, ends, strict=True) if look.sizes[i] >= 0)
        self.mtree += b"".join(entries)

    def _entries(self, block: Sequence[int]) -> list[bytes]:
        look = self._look
        names = mtree.encoded([look.paths[i] for i in block])
        metas, sizes, get = look.metas, look.sizes, self._extras.get
        words = [look.identities[i].split(b" ") for i in block]
        return [
            b"%b %b size=%b time=%b%b md5=%b\n"
            % (name, metas[i], word[2], word[3][:-1], get(i, b""), ZEROS)
            if sizes[i] >= 0
            else b"%b %b time=%b%b\n" % (name, metas[i], word[3][:-1], get(i, b""))
            for i, name, word in zip(block, names, words, strict=True)
        ]

    def _targets(self) -> Iterator[tuple[int, bytes]]:
        if any(self._look.targets):
            for index, target in enumerate(self._look.targets):
                if target:
                    yield index, b" link=%b" % mtree.encode(target)

    def _unread(self) -> Iterator[int]:
        """Yield the folders below which find did not see everything."""
        look, folders = self._look, {}
        if look.complaints:
            folders = {path: i for i, path in enumerate(look.paths) if look.is_folder(i)}
        for path, reason in look.complaints:
            nearest = next((above for above in upwards(path) if above in folders), b".")
            if nearest in folders and reason != GONE:
                yield folders[nearest]

    def _groups(self) -> Iterator[tuple[int, bytes]]:
        """Yield each entry with several links, and the words that name the first of its group."""
        look = self._look
        linked = {m for m in set(look.metas) if b" nlink=" in m and m[-8:] != b" nlink=1"}
        firsts: dict[bytes, bytes] = {}
        for index in self._order if linked else ():
            if look.metas[index] in linked:
                inode = b" ".join(look.identities[index].split(b" ", 2)[:2])
                first = firsts.setdefault(inode, mtree.encode(look.paths[index]))
                yield index, b" tags=hardlink:%b" % first


def write(path: Path, draft: Draft, digests: Sequence[bytes | None]) -> None:
    """Write both files; `digests`, in the look's order, are None where nothing was read."""
    missing = _fill(draft, digests)
    listed, entries = draft.list, draft.mtree
    if missing:
        lines = [(draft.starts[at], listed.index(b"\n", draft.starts[at]) + 1) for at in missing]
        lines = [(start - (listed[start - 1 : start] == b"\\"), end) for start, end in lines]
        words = [(draft.ends[at] - len(_UNKNOWN) - 1, draft.ends[at] - 1) for at in missing]
        listed, entries = _without(listed, lines), _without(entries, words)
    files.write(path, listed, 0o600)
    files.write(beside(path, MTREE), entries, 0o600)


def _fill(draft: Draft, digests: Sequence[bytes | None]) -> list[int]:
    """Put the checksums in their places, and return the positions of files without one."""
    missing = []
    with memoryview(draft.list) as listed, memoryview(draft.mtree) as entries:
        places = zip(draft.files, draft.starts, draft.ends, strict=True)
        for position, (index, start, end) in enumerate(places):
            digest = digests[index]
            if digest:
                listed[start : start + DIGEST] = digest
                entries[end - DIGEST - 1 : end - 1] = digest
            else:
                missing.append(position)
    return missing


def _without(text: bytearray, cuts: list[tuple[int, int]]) -> bytearray:
    """Return a text without some parts, given as (start, end) in their order."""
    starts = [0, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), len(text)]
    return bytearray().join(text[a:b] for a, b in zip(starts, ends, strict=True))
