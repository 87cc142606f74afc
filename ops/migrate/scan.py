"""What is on both sides, listed by find, and which files of the source the target has not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from ops.inventory.patterns import Excludes
from ops.inventory.schema import FileSet
from ops.migrate.door import Ends
from ops.migrate.rsync import PARTIAL, TEMPORARY
from ops.migrate.shards import Entry, Sharing
from ops.remote.command import command
from ops.remote.fanout import each
from ops.remote.host import Host

_FIELDS = "%n %i %s %b %T@ %P\\0"


def records(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield NUL-ended records out of chunks of any size."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole


def entry(record: bytes) -> Entry:
    """Return the file that a record of find tells of."""
    names, inode, size, blocks, modified, path = record.split(b" ", 5)
    return Entry(path, int(size), int(blocks), modified[:-1].decode(), inode.decode(), int(names))


def missing(ends: Ends, data: FileSet) -> Sharing:
    """Return the source's files under whose names the target has nothing, shared out.

    Groups of hard links of which the target has a name are left to rsync, which links.
    Folders that can't be read are passed over: rsync names them.
    """
    here: list[bytes] = []
    there: list[bytes] = []
    looks: list[Callable[[], None]] = [
        lambda: _listed(ends.source, data.source.root, ends.source_root, here.append, _REGULAR),
        lambda: _listed(ends.target, data.target.root, ends.target_root, there.append, _ANY),
    ]
    for outcome in each(looks, lambda look: look()):
        if outcome.error is not None:
            raise outcome.error
    return shared(records(here), set(map(_whole, records(there))), Excludes(data.exclude))


def shared(records: Iterable[bytes], there: set[bytes], excludes: Excludes) -> Sharing:
    """Return the files among `records` that are not `there`, shared out."""
    sharing = Sharing()
    groups: dict[str, list[Entry]] = {}
    for record in records:
        found = entry(record)
        if excludes.hold(found.path):
            continue
        if found.names > 1:
            groups.setdefault(found.inode, []).append(found)
        elif found.path not in there:
            sharing.add(found)
    for group in groups.values():
        if not any(one.path in there for one in group):
            for one in group:
                sharing.add(one)
    return sharing


_REGULAR = ("-type", "f", "-printf", _FIELDS)
_ANY = ("!", "-type", "d", "-printf", "%P\\0")
_ASIDE = ("-path", f"./{TEMPORARY}", "-prune", "-o")
_IN_PARTS = os.fsencode(f"{PARTIAL}/")


def _whole(path: bytes) -> bytes:
    """Return the path of the file that a part is of: rsync goes on with those."""
    folder, _, name = path.rpartition(b"/")
    above = folder + b"/"
    return above.removesuffix(_IN_PARTS) + name if above.endswith(_IN_PARTS) else path


def _listed(
    host: Host, root: str, as_root: bool, take: Callable[[bytes], None], what: tuple[str, ...]
) -> None:
    words = ("find", ".", "-xdev", *_ASIDE, *what)
    host.run(command(*words, root=as_root, cwd=root), check=False, sink=take)
