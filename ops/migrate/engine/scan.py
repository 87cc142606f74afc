"""What is on both sides, listed by find, and which files of the source the target has not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from ops.inventory.patterns import Excludes
from ops.inventory.schema import FileSet
from ops.migrate.both import at_once
from ops.migrate.engine.ends import Ends
from ops.migrate.engine.rsync import PARTIAL, TEMPORARY
from ops.migrate.engine.shards import Entry, Sharing
from ops.remote.command import command, script
from ops.remote.host import Host, Running

_FIELDS = "%y %n %i %s %b %T@ %C@ %P\\0"

# What says that all was looked at comes last. `ls -q` has no line end within a name. It has time
# until all is sent, and the processors are for that.
_ACLS = """
cd -- "$1" || exit
{
    LC_ALL=C nice find . -xdev ! -type l -exec ls -lnUdq -- {} + 2>/dev/null
    echo "ended $?"
} | grep -m 1 -e '^ended 0$' -e '^[-bcdps][-rwxsStT]\\{9\\}+ '
"""


def records(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield NUL-ended records out of chunks of any size."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole


def entry(record: bytes) -> Entry:
    """Return the entry that a record of find tells of."""
    kind, names, inode, size, blocks, modified, changed, path = record.split(b" ", 7)
    return Entry(
        path,
        int(size),
        int(blocks),
        modified[:-1].decode(),
        inode.decode(),
        int(names),
        kind.decode(),
        changed[:-1].decode(),
    )


def missing(ends: Ends, data: FileSet) -> Sharing:
    """Return the source's files under whose names the target has nothing, shared out.

    Groups of hard links of which the target has a name are left to rsync, which links.
    Folders that can't be read are passed over: rsync names them.
    """
    here: list[bytes] = []
    there: list[bytes] = []
    near = (ends.source, data.source.root, ends.source_root)
    far = (ends.target, data.target.root, ends.target_root)
    faults = at_once(
        lambda: _listed(*near, _ALL, here),
        lambda: _listed(*far, _ANY, there),
    )
    found = set(map(_whole, records(there)))
    sharing = shared(records(here), found, Excludes(data.exclude))
    sharing.plain = not found and not any(faults)
    return sharing


class Acls:
    """Whether the source has ACLs, looked for beside other work."""

    def __init__(self, ends: Ends, data: FileSet) -> None:
        self._ends, self._root = ends, data.source.root
        self._running: Running | None = None
        self._answer = b""

    def close(self) -> None:
        """End the look, if it goes on."""
        if self._running is not None:
            self._running.end()

    def look(self) -> None:
        """Begin to look."""
        asked = script(_ACLS, self._root, root=self._ends.source_root)
        self._running = self._ends.source.start(asked)

    @property
    def looked(self) -> bool:
        """Return whether that is over."""
        return self._running is not None and self._running.poll() is not None

    def none(self) -> bool:
        """Wait for the end; return whether all could be looked at and nothing has an ACL.

        A connection that was lost has told nothing.
        """
        if self._running is not None and not self._answer:
            self._answer = b"".join(self._running.lines())
        return self._answer == b"ended 0"


def shared(records: Iterable[bytes], there: set[bytes], excludes: Excludes) -> Sharing:
    """Return the files among `records` that are not `there`, shared out."""
    sharing = Sharing()
    groups: dict[str, list[Entry]] = {}
    for record in records:
        found = entry(record)
        if excludes.hold(found.path, folder=found.kind == "d"):
            continue
        if found.kind != "f":
            sharing.leave(found)
            continue
        sharing.count(found.size)
        if found.names > 1:
            groups.setdefault(found.inode, []).append(found)
        elif found.path not in there:
            sharing.add(found)
    for group in groups.values():
        if not any(one.path in there for one in group):
            for one in group:
                sharing.add(one)
    return sharing


_ALL = ("-printf", _FIELDS)
_ANY = ("!", "-type", "d", "-printf", "%P\\0")
_ASIDE = ("-path", f"./{TEMPORARY}", "-prune", "-o")
_IN_PARTS = os.fsencode(f"{PARTIAL}/")


def _whole(path: bytes) -> bytes:
    """Return the path of the file that a part is of: rsync goes on with those."""
    folder, _, name = path.rpartition(b"/")
    above = folder + b"/"
    return above.removesuffix(_IN_PARTS) + name if above.endswith(_IN_PARTS) else path


def _listed(
    host: Host, root: str, as_root: bool, what: tuple[str, ...], found: list[bytes]
) -> bool:
    """List the entries into `found`; return whether something could not be looked at."""
    words = ("find", ".", "-xdev", *_ASIDE, *what)
    asked = command(*words, root=as_root, cwd=root)
    return host.run(asked, check=False, sink=found.append).code != 0
