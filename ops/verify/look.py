"""A look at a tree: every entry below a root with its metadata, from one pass of find."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ops.errors import OpsError
from ops.remote.command import Command, script
from ops.verify import mtree

IDENTITY = "%D %i %s %T@ %C@"
"""Device, inode, size, mtime, ctime: equal before and after reading, or the file changed."""

_OWNER = "uid=%U gid=%G mode=0%m"
_ENDINGS = r"\0" + IDENTITY + r"\0%l\0"
_FILE = rf"%p\0type=file {_OWNER} nlink=%n{_ENDINGS}%s\0"
_FOLDER = rf"%p\0type=dir {_OWNER}{_ENDINGS}-1\0"
_OTHER = r"%p\0type={} " + _OWNER + rf" nlink=%n{_ENDINGS}-1\0"

_SCRIPT = """
LC_ALL=C
export LC_ALL
root=$1 mount=$2 nice=$3
shift 3
[ -e "$root" ] || exit 66
[ -d "$root" ] || exit 67
cd -P -- "$root" || exit 69
[ -z "$mount" ] || [ "$(stat -c %m .)" = "$mount" ] || exit 68
date +%s.%N
[ "$nice" = 0 ] || exec nice -n "$nice" find . "$@"
exec find . "$@"
"""
_REFUSALS = {
    66: ("there is no {root}", "Correct the root of the data set, or make the folder."),
    67: ("{root} is no folder", "Name the folder that holds the files."),
    68: ("{root} does not lie on the mount {mount}", "Mount the disk, then run the task again."),
    69: ("{root} cannot be entered", "Run it as root (become: sudo), or correct the permissions."),
}
# In the C locale find quotes a name as C does, quotes around it; other programs don't.
_COMPLAINT = re.compile(rb"find: '(?P<name>.*)': (?P<reason>[^:]+)")
_QUOTED = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {
    bytes([letter]): bytes([byte])
    for letter, byte in zip(b"abtnvfr\\'\"?", b"\a\b\t\n\v\f\r\\'\"?", strict=True)
}
_FIELDS = 5

GONE = "No such file or directory"
"""What find says of an entry that vanished after it had read its folder."""


@dataclass
class Look:
    """What find saw, in its order: five lists of equal length.

    `metas` are mtree words, type, owner, mode and links, of which many entries share one object;
    `identities` as IDENTITY says; `targets` are link targets, empty for all but links; `sizes`
    are bytes of regular files, and -1 for anything else. `complaints` is what find said,
    `started` when, by the host's clock.
    """

    paths: list[bytes] = field(default_factory=list)
    metas: list[bytes] = field(default_factory=list)
    identities: list[bytes] = field(default_factory=list)
    targets: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    started: float = 0.0
    complaints: list[tuple[bytes, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sizes)

    def files(self, since: int, until: int) -> list[int]:
        """Return the indices of the regular files among the entries since .. until - 1."""
        return [i for i, size in enumerate(self.sizes[since:until], since) if size >= 0]

    def is_folder(self, index: int) -> bool:
        """Return whether an entry is a folder."""
        return self.metas[index].startswith(b"type=dir ")

    def other_file_systems(self) -> list[bytes]:
        """Return the folders on which another file system is mounted than the root's."""
        own = self.identities[0].partition(b" ")[0] + b" " if self.identities else b""
        others = [i for i, identity in enumerate(self.identities) if not identity.startswith(own)]
        return sorted(self.paths[i] for i in others if self.is_folder(i))

    def among(self, paths: set[bytes]) -> dict[bytes, bytes]:
        """Return the identities of the entries that are at some paths, by path."""
        pairs = zip(self.paths, self.identities, strict=True)
        return {path: identity for path, identity in pairs if path in paths}


_PSEUDO = ("proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs")


def looking(
    root: str | bytes, *, mount: str = "", cross: bool = False, as_root: bool, nice: int = 0
) -> Command:
    """Return the command that looks at all below `root`, which lies on `mount` if that is given.

    Other file systems below the root are entered only with `cross`, and never those in which the
    kernel shows itself. The look is `nice`.
    """
    types = [
        word
        for letter, name in mtree.TYPES.items()
        if letter not in b"fd"
        for word in ("-type", letter.decode(), "-printf", _OTHER.format(name.decode()), "-o")
    ]
    pseudo = [word for name in _PSEUDO for word in ("-o", "-fstype", name)][1:]
    crossing = ["(", *pseudo, ")", "-prune", "-o"] if cross else ["-xdev"]
    first = ["-type", "f", "-printf", _FILE, "-o", "-type", "d", "-printf", _FOLDER, "-o"]
    expression = [*first, *types, "-printf", _OTHER.format("char")]
    return script(_SCRIPT, root, mount, str(nice), *crossing, *expression, root=as_root)


class Reader:
    """Takes find's output chunk by chunk and fills a Look; leaves out what `excluded` says."""

    def __init__(self, excluded: Callable[[bytes, bool], bool] | None = None) -> None:
        self.look = Look()
        self._excluded = excluded
        self._metas: dict[bytes, bytes] = {}
        self._rest = b""
        self._clock = True

    def take(self, chunk: bytes) -> None:
        """Take what came next."""
        text = self._rest + chunk
        if self._clock:
            first, end, text = text.partition(b"\n")
            if not end:
                self._rest = first
                return
            self.look.started, self._clock = float(first), False
        parts = text.split(b"\0")
        whole = len(parts) // _FIELDS * _FIELDS
        if whole == len(parts):
            whole -= _FIELDS
        self._rest = b"\0".join(parts[whole:])
        self._add(parts[:whole])

    def finish(self, code: int, err: bytes, root: str, mount: str) -> Look:
        """Return the look after its end. Raise OpsError when the root cannot be looked at."""
        if code in _REFUSALS:
            message, hint = _REFUSALS[code]
            raise OpsError(message.format(root=root, mount=mount), hint)
        if self._rest or self._clock or code not in (0, 1):
            said = err.decode("utf-8", "backslashreplace").strip()
            raise OpsError(f"the look at {root} broke off: {said or f'find ended with {code}'}")
        found = complaints(err)
        if code and not found:
            found = [(b".", "find failed without a word")]
        self.look.complaints = [each for each in found if not self._left_out(each[0])]
        return self.look

    def _left_out(self, path: bytes) -> bool:
        """Return whether a path that find complains of is excluded, as folder or otherwise."""
        return self._excluded is not None and path != b"." and self._excluded(path[2:], True)

    def _add(self, parts: list[bytes]) -> None:
        columns = [parts[start::_FIELDS] for start in range(_FIELDS)]
        if self._excluded is not None:
            columns = self._without(columns, self._excluded)
        look = self.look
        look.paths += columns[0]
        look.metas += map(self._metas.setdefault, columns[1], columns[1])
        look.identities += columns[2]
        look.targets += columns[3]
        look.sizes += map(int, columns[4])  # the last: it tells the other thread how many there are

    @staticmethod
    def _without(
        columns: list[list[bytes]], excluded: Callable[[bytes, bool], bool]
    ) -> list[list[bytes]]:
        keep = [
            path == b"." or not excluded(path[2:], meta.startswith(b"type=dir "))
            for path, meta in zip(columns[0], columns[1], strict=True)
        ]
        return [[x for x, kept in zip(column, keep, strict=True) if kept] for column in columns]


def complaints(err: bytes) -> list[tuple[bytes, str]]:
    """Return what find could not look at, as (path, reason); `.` where it names no path."""
    found = []
    for line in err.splitlines():
        match = _COMPLAINT.match(line)
        if match is None:
            found.append((b".", line.decode("utf-8", "backslashreplace")))
        else:
            name = _QUOTED.sub(_unquoted, match["name"])
            found.append((name, match["reason"].decode("utf-8", "backslashreplace")))
    return found


def _unquoted(found: re.Match[bytes]) -> bytes:
    return _LETTERS.get(found[1]) or bytes([int(found[1], 8)])
