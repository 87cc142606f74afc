"""What changed on a live source since its transfer began. Pure.

Owner, mode and links change a ctime too (`chown -R` does so everywhere), so it proves no edit. A
file was edited when its mtime says so as well: later than the transfer's start, or another one
than the transfer brought. An entry came or went when its folder's mtime is later. Nothing excuses
a file that was written on the target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ops.verify.differences import Difference
from ops.verify.folders import above


@dataclass(frozen=True)
class Since:
    """When the transfer began, by the source's clock, and what lies on both sides.

    Both map paths to identities (ops.verify.look.IDENTITY): of all entries that differ, as far as
    they are there, and of the folders above them.
    """

    moment: float
    source: Mapping[bytes, bytes]
    target: Mapping[bytes, bytes]

    def excuses(self, difference: Difference) -> bool:
        """Return whether the source explains a difference by what was done there since."""
        if difference.kind == "different":
            return self._edited(difference.path)
        if difference.kind != "extra" and not self._later(self.source[difference.path], _CTIME):
            return False
        places = [difference.path, difference.to] if difference.to else [difference.path]
        return all(map(self._refilled, places))

    def _edited(self, path: bytes) -> bool:
        ours, theirs = self.source[path], self.target[path]
        if not self._later(ours, _CTIME):
            return False
        if self._later(ours, _MTIME):
            return True
        return not _same_time(ours, theirs) and not self._later(theirs, _MTIME)

    def _refilled(self, path: bytes) -> bool:
        """Return whether the folder that holds the path, or held it, was changed since."""
        nearest = next((folder for folder in above(path) if folder in self.source), None)
        return nearest is not None and self._later(self.source[nearest], _MTIME)

    def _later(self, identity: bytes, which: int) -> bool:
        return float(identity.split(b" ")[which]) > self.moment


_MTIME, _CTIME = 3, 4


def _same_time(ours: bytes, theirs: bytes) -> bool:
    """Return whether two mtimes are the same; some file systems keep whole seconds only."""
    a, b = (identity.split(b" ")[_MTIME].partition(b".") for identity in (ours, theirs))
    coarse = not (a[2].strip(b"0") and b[2].strip(b"0"))
    return a[0] == b[0] and (coarse or a[2] == b[2])
