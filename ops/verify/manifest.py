"""Manifests on disk: FILE for `md5sum -c`, FILE.mtree for the metadata.

FILE lists every regular file that was read to its end, FILE.mtree every entry. Both are sorted
by the raw bytes of the paths. FILE.look (ops.verify.seen) lies beside them, for us alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ops.inventory import files
from ops.verify import md5list, mtree
from ops.verify.look import Look

MTREE = ".mtree"
LOOK = ".look"


def beside(path: Path, suffix: str) -> Path:
    """Return FILE.mtree or FILE.look of FILE."""
    return path.with_name(path.name + suffix)


class Draft:
    """All of a manifest but its checksums, made while these are still being reckoned."""

    def __init__(self, look: Look) -> None:
        self.order = sorted(range(len(look)), key=look.paths.__getitem__)
        self.paths = [look.paths[i] for i in self.order]
        names = mtree.encoded(self.paths)
        self.heads = [b" "] * (4 * len(names))
        """Four pieces an entry: name, blank, metadata, and the end that `write` fills in."""
        self.heads[0::4] = names
        self.heads[2::4] = [look.metas[i][:-1] for i in self.order]
        self.extras: dict[int, bytes] = {}
        if any(look.targets):
            self._add_targets(look)
        self._add_groups(look, names)

    def _add_targets(self, look: Look) -> None:
        for position, index in enumerate(self.order):
            if look.targets[index]:
                self.extras[position] = b" link=%b" % mtree.encode(look.targets[index])

    def _add_groups(self, look: Look, names: list[bytes]) -> None:
        """Tag each file with several links with the first path of its group."""
        metas, identities, sizes = look.metas, look.identities, look.sizes
        regular = sum(size >= 0 for size in sizes)
        if b"\0".join(metas).count(b" nlink=1 ") == regular:
            return
        firsts: dict[bytes, bytes] = {}
        for position, index in enumerate(self.order):
            if sizes[index] >= 0 and b" nlink=1 " not in metas[index]:
                inode = b" ".join(identities[index].split(b" ", 2)[:2])
                first = firsts.setdefault(inode, names[position])
                self.extras[position] = b" tags=hardlink:%b" % first


def write(path: Path, draft: Draft, digests: Sequence[bytes | None]) -> None:
    """Write both files; `digests`, in the look's order, are None where nothing was read."""
    sums = [digests[i] for i in draft.order]
    read = [(digest, path) for digest, path in zip(sums, draft.paths, strict=True) if digest]
    listed = md5list.lines([digest for digest, _ in read], [path for _, path in read])
    files.write(path, listed, 0o600)
    files.write(beside(path, MTREE), _mtree(draft, sums), 0o600)


def digests(path: Path) -> dict[str, str]:
    """Return the SHA-256 of FILE and FILE.mtree, by file name."""
    found = {}
    for each in (path, beside(path, MTREE)):
        with each.open("rb") as file:
            found[each.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _mtree(draft: Draft, sums: list[bytes | None]) -> bytes:
    tails = [b" md5=%b\n" % digest if digest else b"\n" for digest in sums]
    for position, extra in draft.extras.items():
        tails[position] = extra + tails[position]
    pieces = draft.heads
    pieces[3::4] = tails
    return mtree.HEAD + b"".join(pieces)
