"""What the target holds and the source no longer does, out of the listings of both. Pure.

An entry is told as find does it: kind, device, and the path below the root, each folder before
what is in it. Only paths that are not matched yet are kept, so that a million fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ops.inventory.patterns import Excludes


class Surplus:
    """Takes in the target's entries first, then the source's; `paths` are then what is gone.

    `apart` are paths below the target's root that are not of the data set: all that they hold
    stays. So does what lies below a mount point of the source, which hides what belongs there,
    unless the set is `crossing` mounts; and every mount point of the target.
    """

    def __init__(
        self, excludes: Excludes, *, apart: Sequence[bytes] = (), crossing: bool = False
    ) -> None:
        self.is_empty = True
        """Whether the source has nothing of the data set."""
        self._excludes = excludes
        self._apart = frozenset(apart)
        self._beyond = tuple(path + b"/" for path in apart)
        self._crossing = crossing
        self._left = set[bytes]()
        self._stays = set[bytes]()
        self._hidden = list[bytes]()
        self._bare = set[bytes]()
        self._folder = b""
        self._there, self._here = _Mounts(), _Mounts()

    def there(self, record: bytes) -> None:
        """Take in an entry of the target, the root itself first."""
        kind, path, mount = self._there.read(record)
        if mount or path in self._apart or self._excludes.hold(path, folder=kind == b"d"):
            self._stays.add(path)
        elif path and not path.startswith(self._beyond):
            self._left.add(path)

    def here(self, record: bytes) -> None:
        """Take in an entry of the source, the root itself first."""
        kind, path, mount = self._here.read(record)
        if mount and not self._crossing:
            self._hidden.append(path)
        if self._crossing:
            self._look(kind, path)
        self._left.discard(path)
        if path and not self._excludes.hold(path, folder=kind == b"d"):
            self.is_empty = False

    def paths(self) -> list[bytes]:
        """Return what is gone, folders after what is in them.

        A folder stays for what stays in it.
        """
        beyond = tuple(path + b"/" for path in self._hidden)
        kept = {above for path in self._stays for above in _above(path)}
        left = (path for path in self._left if path not in kept and not path.startswith(beyond))
        return sorted(left, reverse=True)

    def unmounted(self) -> list[bytes]:
        """Return what looks like a mount point of the source whose disk is not mounted.

        That is what is one on the target alone, or a folder that is empty on the source and not
        on the target. It is known of a set that is `crossing` mounts; others do not look there.
        """
        if not self._crossing:
            return []
        if self._folder:
            self._bare.add(self._folder)
        found = {path for path in self._there.points if path not in self._here.points}
        for path in self._left:
            found.update(above for above in _above(path) if above in self._bare)
        return sorted(found)

    def _look(self, kind: bytes, path: bytes) -> None:
        """Take note of the folder before, when it turns out that nothing is in it."""
        if self._folder and not path.startswith(self._folder + b"/"):
            self._bare.add(self._folder)
        self._folder = path if kind == b"d" else b""


class _Mounts:
    """The mount points of one side: folders on another device than the folder around them."""

    def __init__(self) -> None:
        self.points = set[bytes]()
        self._around: list[tuple[bytes, bytes]] = []

    def read(self, record: bytes) -> tuple[bytes, bytes, bool]:
        """Return kind and path of the entry, and whether it is a mount point."""
        kind, device, path = record.split(b" ", 2)
        while self._around and not path.startswith(self._around[-1][0]):
            self._around.pop()
        if kind != b"d" or (self._around and device == self._around[-1][1]):
            return kind, path, False
        self._around.append((path + b"/" if path else b"", device))
        if path:
            self.points.add(path)
        return kind, path, bool(path)


def below(root: str, others: Iterable[str]) -> list[bytes]:
    """Return those paths that lie below `root`, as paths from there."""
    start = root.rstrip("/") + "/"
    return [path.removeprefix(start).encode() for path in others if path.startswith(start)]


def _above(path: bytes) -> list[bytes]:
    """Return the folders that the entry lies in, but for the root."""
    names = path.split(b"/")
    return [b"/".join(names[:count]) for count in range(1, len(names))]
