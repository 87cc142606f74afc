"""Manifests on disk: FILE for `md5sum -c`, FILE.mtree for the metadata, FILE.look for us.

FILE lists every regular file that was read to its end, FILE.mtree every entry. FILE.look holds
what find saw of each file (path, NUL, identity, NUL), in the same order: from it the next scan
knows what it need not read again. All three are sorted by the raw bytes of the paths.
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


def write(path: Path, look: Look, digests: Sequence[bytes | None]) -> None:
    """Write the three files; `digests` holds one for each file read to its end, else None."""
    order = sorted(range(len(look)), key=look.paths.__getitem__)
    paths = [look.paths[i] for i in order]
    sums = [digests[i] for i in order]
    read = [i for i, digest in enumerate(sums) if digest is not None]
    listed = md5list.lines([sums[i] or b"" for i in read], [paths[i] for i in read])
    files.write(path, listed, 0o600)
    files.write(beside(path, MTREE), _mtree(look, order, paths, sums), 0o600)
    files.write(beside(path, LOOK), _seen(look, [order[i] for i in read]), 0o600)


def digests(path: Path) -> dict[str, str]:
    """Return the SHA-256 of FILE and FILE.mtree, by file name."""
    found = {}
    for each in (path, beside(path, MTREE)):
        with each.open("rb") as file:
            found[each.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _mtree(look: Look, order: list[int], paths: list[bytes], sums: list[bytes | None]) -> bytes:
    names = mtree.encoded(paths)
    tails = [b" md5=%b\n" % digest if digest else b"\n" for digest in sums]
    for position, target in enumerate([look.targets[i] for i in order]):
        if target:
            tails[position] = b" link=%b\n" % mtree.encode(target)
    for position, first in _groups(look, order).items():
        tails[position] = b" tags=hardlink:%b%b" % (names[first], tails[position])
    metas = look.metas
    return mtree.HEAD + b"".join(
        [b"%b %b%b" % (n, metas[i][:-1], t) for n, i, t in zip(names, order, tails, strict=True)]
    )


def _groups(look: Look, order: list[int]) -> dict[int, int]:
    """Return for each file with several links the first position of its group."""
    metas, identities = look.metas, look.identities
    firsts: dict[bytes, int] = {}
    groups = {}
    for position, index in enumerate(order):
        if metas[index].startswith(b"type=file ") and b" nlink=1 " not in metas[index]:
            inode = b" ".join(identities[index].split(b" ", 2)[:2])
            groups[position] = firsts.setdefault(inode, position)
    return groups


def _seen(look: Look, indices: list[int]) -> bytes:
    paths, identities = look.paths, look.identities
    return b"".join([b"%b\0%b\0" % (paths[i], identities[i]) for i in indices])
