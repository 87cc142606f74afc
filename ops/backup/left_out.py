"""What an archive leaves out, as restic's patterns: what data sets exclude, and other mounts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ops.backup import restic
from ops.inventory.patterns import Excludes
from ops.remote.command import command, script
from ops.verify.tree import Tree

if TYPE_CHECKING:
    from ops.remote.host import Host

_ENTRIES = r"""
LC_ALL=C
export LC_ALL
cd -- "$1" || exit
shift
exec find . "$@" -mindepth 1 -printf '%y%P\0'
"""


def patterns(host: Host, trees: Sequence[Tree]) -> list[bytes]:
    """Return restic's pattern of each entry of a host that its trees leave out now.

    restic crosses mounts for all trees or for none: where only some ask for it, what is mounted
    below the others is left out.
    """
    found = [line for tree in trees for line in _excluded(host, tree)]
    staying = [tree for tree in trees if not tree.cross]
    if staying and len(staying) < len(trees):
        mounts = host.run(command("cat", "/proc/self/mounts")).out
        found += mounted_below(mounts, staying, trees)
    return found


def mounted_below(mounts: bytes, staying: Sequence[Tree], trees: Sequence[Tree]) -> list[bytes]:
    """Return the pattern of what is in each mount below a tree that is not to be left.

    `mounts` is /proc/self/mounts. A mount that holds another tree, or lies in one, is that one's.
    """
    places = [_plain(line.split(b" ")[1]) for line in mounts.splitlines()]
    found = []
    for tree in staying:
        others = [os.fsencode(one.root) for one in trees if one is not tree]
        for place in places:
            theirs = any(_within(place, other) or _within(other, place) for other in others)
            below = place != os.fsencode(tree.root) and _within(place, os.fsencode(tree.root))
            if below and not theirs and (pattern := restic.escaped(place)):
                found.append(pattern + b"/*")
    return found


def _within(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def _plain(place: bytes) -> bytes:
    """Return a mount point without the octal escapes of /proc/self/mounts."""
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), place)


def _excluded(host: Host, tree: Tree) -> Iterator[bytes]:
    """Yield restic's pattern of each entry that the data set's own patterns leave out."""
    if not tree.exclude:
        return
    excludes = Excludes(tree.exclude)
    crossing = () if tree.cross else ("-xdev",)
    found = host.run(script(_ENTRIES, tree.root, *crossing, root=tree.as_root), timeout=3600).out
    for entry in found.split(b"\0")[:-1]:
        kind, path = entry[:1], entry[1:]
        above = path.rpartition(b"/")[0]
        if above and excludes.hold(above, folder=True):
            continue
        if excludes.hold(path, folder=kind == b"d"):
            pattern = restic.escaped(os.fsencode(tree.root.rstrip("/")) + b"/" + path)
            if pattern:
                yield pattern
