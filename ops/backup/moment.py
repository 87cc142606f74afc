"""The manifest of a tree at one moment, while the tree goes on living.

Reading all of it while it is frozen would keep it frozen for as long as the reading takes; and
a manifest that is read from the backup itself proves nothing about the backup. So the tree is
scanned before the moment and after it, and only what changed since the scan before is read.
What the host's clock says was changed last before the moment (ctime, which nobody can set
back) is in the backup as it was read: these entries are the manifest. The others were in
motion: a backup holds them as of the moment, but nobody can say how that was. They are listed,
and a restore is asked by the component's own check about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.inventory import files
from ops.verify import manifest, mtree
from ops.verify.differences import Comparison, Difference
from ops.verify.look import Look
from ops.verify.scan import Scan

MOVING = ".moving"
"""Beside FILE: the entries in motion, as names of mtree, a line each."""


@dataclass(frozen=True)
class Written:
    """What was written: entries that were still, and those in motion."""

    path: Path
    files: int
    bytes: int
    moving: int


def write(path: Path, before: Look | None, after: Scan, moment: float) -> Written:
    """Write the manifest of a tree as it was at `moment` (seconds, by the host's clock).

    FILE and FILE.mtree hold what lay still, FILE.moving names the rest. `before` is the look of
    the scan before the moment, None when there was none.
    """
    still = _still(before, after, moment)
    kept, moving = still, sorted(set(range(len(after.look))) - set(still))
    look = _part(after.look, kept)
    digests = [after.digests[i] for i in kept]
    manifest.write(path, manifest.Draft(look), digests)
    names = sorted(mtree.encode(after.look.paths[i]) for i in moving)
    listed = b"".join(b"%b\n" % name for name in names)
    files.write(manifest.beside(path, MOVING), listed, 0o600)
    read = [size for size, digest in zip(look.sizes, digests, strict=True) if digest]
    return Written(path, len(read), sum(read), len(moving))


def moving(path: Path) -> frozenset[bytes]:
    """Return the entries that were in motion when the manifest FILE was made."""
    lines = manifest.beside(path, MOVING).read_bytes().splitlines()
    return frozenset(mtree.decode(line) for line in lines)


def proven(found: Comparison, in_motion: frozenset[bytes]) -> list[Difference]:
    """Return the differences that speak against a restored tree, held against its manifest.

    What was in motion says nothing, and neither does an entry that the manifest does not know
    in a folder that was in motion: it may have been there at the moment, and gone afterwards.
    """
    return [
        one
        for one in found.differences
        if one.path not in in_motion
        and not (one.kind == "extra" and _in_motion(one.path, in_motion))
    ]


def _still(before: Look | None, after: Scan, moment: float) -> list[int]:
    """Return the indices of the entries that are in the backup as the later scan saw them."""
    look = after.look
    known = dict(zip(before.paths, before.identities, strict=True)) if before else {}
    ctimes = [float(identity.rpartition(b" ")[2]) for identity in look.identities]
    late = {path for path, ctime in zip(look.paths, ctimes, strict=True) if ctime >= moment}
    folders = frozenset(late)

    def lies_still(i: int) -> bool:
        path = look.paths[i]
        if path in late or (look.sizes[i] >= 0 and after.digests[i] is None):
            return False
        # a folder above may have been renamed since: where this was then, the look before knows
        return known.get(path) == look.identities[i] or not _in_motion(path, folders)

    return [i for i in range(len(look)) if lies_still(i)]


def _in_motion(path: bytes, in_motion: frozenset[bytes]) -> bool:
    """Return whether a folder above an entry is among those in motion."""
    return any(folder in in_motion for folder in _above(path))


def _above(path: bytes) -> Iterator[bytes]:
    while path not in (b"", b"."):
        path = path.rpartition(b"/")[0]
        yield path or b"."


def _part(look: Look, kept: list[int]) -> Look:
    return Look(
        paths=[look.paths[i] for i in kept],
        metas=[look.metas[i] for i in kept],
        identities=[look.identities[i] for i in kept],
        targets=[look.targets[i] for i in kept],
        sizes=[look.sizes[i] for i in kept],
        started=look.started,
    )
