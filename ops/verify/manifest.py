"""Manifests on disk: FILE for `md5sum -c`, FILE.mtree for the metadata.

FILE lists every regular file that was read to its end, FILE.mtree every entry. Both are sorted
by the raw bytes of the paths. FILE.look (ops.verify.seen) lies beside them, for us alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ops.inventory import files
from ops.verify import md5list, mtree
from ops.verify.look import GONE, Look

MTREE = ".mtree"
LOOK = ".look"


def beside(path: Path, suffix: str) -> Path:
    """Return FILE.mtree or FILE.look of FILE."""
    return path.with_name(path.name + suffix)


class Draft:
    """All of a manifest but its checksums, made while these are still being reckoned."""

    def __init__(self, look: Look) -> None:
        self.order = sorted(range(len(look)), key=look.paths.__getitem__)
        paths = [look.paths[i] for i in self.order]
        names = mtree.encoded(paths)
        self.starts, self.ends = md5list.around(paths)
        """What stands before and behind the digest in FILE: the starts that are not empty by
        position, all ends in order."""
        extras = dict(self._targets(look))
        for position, first in self._groups(look):
            extras[position] = b" tags=hardlink:%b" % names[first]
        extras.update(dict.fromkeys(self._unread(look, paths), mtree.UNREAD))
        metas = [look.metas[i][:-1] for i in self.order]
        for position, extra in extras.items():
            metas[position] += extra
        self.entries = [b"%b %b" % pair for pair in zip(names, metas, strict=True)]
        """The lines of FILE.mtree, without digest and LF."""

    def _targets(self, look: Look) -> Iterator[tuple[int, bytes]]:
        if any(look.targets):
            for position, index in enumerate(self.order):
                if look.targets[index]:
                    yield position, b" link=%b" % mtree.encode(look.targets[index])

    def _unread(self, look: Look, paths: list[bytes]) -> Iterator[int]:
        """Yield the folders below which find did not see everything."""
        folders = {}
        if look.complaints:
            folders = {path: at for at, path in enumerate(paths) if look.is_folder(self.order[at])}
        for path, reason in look.complaints:
            nearest = next((above for above in upwards(path) if above in folders), b".")
            if nearest in folders and reason != GONE:
                yield folders[nearest]

    def _groups(self, look: Look) -> Iterator[tuple[int, int]]:
        """Yield each file with several links, and the first of its group."""
        metas, identities, sizes = look.metas, look.identities, look.sizes
        regular = sum(size >= 0 for size in sizes)
        if b"\0".join(metas).count(b" nlink=1 ") == regular:
            return
        firsts: dict[bytes, int] = {}
        for position, index in enumerate(self.order):
            if sizes[index] >= 0 and b" nlink=1 " not in metas[index]:
                inode = b" ".join(identities[index].split(b" ", 2)[:2])
                yield position, firsts.setdefault(inode, position)


def upwards(path: bytes) -> Iterator[bytes]:
    """Yield a path and the folders above it, the nearest first."""
    while path:
        yield path
        path = path.rpartition(b"/")[0]


def write(path: Path, draft: Draft, digests: Sequence[bytes | None]) -> None:
    """Write both files; `digests`, in the look's order, are None where nothing was read."""
    sums = [digests[i] or b"" for i in draft.order]
    files.write(path, _list(draft, sums), 0o600)
    files.write(beside(path, MTREE), _mtree(draft, sums), 0o600)


def _list(draft: Draft, sums: list[bytes]) -> bytes:
    pieces = [b""] * (2 * len(sums))
    pieces[0::2] = sums
    pieces[1::2] = draft.ends
    for position, start in draft.starts.items():
        pieces[2 * position] = start + sums[position]
    for position, digest in enumerate(sums):
        if not digest:
            pieces[2 * position] = pieces[2 * position + 1] = b""
    return b"".join(pieces)


def _mtree(draft: Draft, sums: list[bytes]) -> bytes:
    pieces = [b" md5="] * (4 * len(sums))
    pieces[0::4] = draft.entries
    pieces[2::4] = sums
    pieces[3::4] = [b"\n"] * len(sums)
    for position, digest in enumerate(sums):
        if not digest:
            pieces[4 * position + 1] = b""
    return mtree.HEAD + b"".join(pieces)
