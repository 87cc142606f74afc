"""What is gone from the source, and its deletion on the target: last, and only when sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ops.errors import Incomplete, Refused
from ops.escapes import escape
from ops.inventory.patterns import Excludes
from ops.inventory.schema import FileSet
from ops.migrate.engine.ends import Busy, Ends
from ops.migrate.engine.outcome import BUSY
from ops.migrate.engine.rsync import PARTIAL, TEMPORARY
from ops.migrate.engine.surplus import Surplus, below
from ops.migrate.engine.whole import whole
from ops.remote.command import script
from ops.remote.errors import CommandFailed

_UNMOUNTED, _AWAY = 76, 77

# The mount is looked at in the same breath as the folder below it is listed.
_LIST = rf"""
cd -- "$1" || exit {_AWAY}
if [ -n "$2" ]; then
    mountpoint -q -- "$2" && [ "$(stat -c %d .)" = "$(stat -c %d -- "$2")" ] || exit {_UNMOUNTED}
fi
exec find . $3 \( -path ./lost+found -o -path ./{TEMPORARY} -o -name {PARTIAL} \) \
    -prune -o -printf '%y %D %P\0'
"""

# Folders come after what is in them; the folder that something is taken from keeps its time.
_DELETE = f"""
cd -- "$1" && exec 9<. && flock -w 60 -E {BUSY} 9 || exit
xargs -0 -r -n 500 sh -c '
    code=0
    for path; do
        time=$(stat -c %y -- "${{path%/*}}")
        if [ -d "$path" ] && [ ! -L "$path" ]; then
            rmdir -- "$path" || code=1
        else
            rm -f -- "$path" || code=1
        fi
        touch -m -d "$time" -- "${{path%/*}}"
    done
    exit $code
' ops
"""


def gone(ends: Ends, data: FileSet, apart: Sequence[str] = ()) -> list[bytes]:
    """Return what the target holds and the source no longer does, folders after their content.

    `apart` are paths on the target that belong to something else: they stay with all they hold,
    and so does what lies below a mount of the source, which nobody can see from here.
    The target is listed first: what has come to the source meanwhile is no reason to delete.
    Raise Refused when the source has nothing of the set, does not lie on its declared mount, or
    looks as if a disk in it is not mounted, Incomplete when either side can't be listed whole.
    """
    found = Surplus(
        Excludes(data.exclude),
        apart=below(data.target.root, apart),
        crossing=data.cross_mounts,
    )
    _listed(ends, data, found.there, source=False)
    _listed(ends, data, found.here, source=True)
    paths = found.paths()
    if paths and found.is_empty:
        raise Refused(
            f"{ends.source.name}: {data.source.root} is empty: nothing is deleted on the target",
            "A source that is meant to be empty needs no mirror: delete by hand.",
        )
    if doubtful := found.unmounted():
        raise Refused(
            f"{ends.source.name}: {data.source.root}/{escape(doubtful[0])} is empty, or "
            "no mount as on the target: nothing is deleted there",
            "Mount the disk. A folder that is meant to be empty needs no mirror: delete by hand.",
        )
    return paths


def delete(ends: Ends, root: str, paths: Sequence[bytes]) -> None:
    """Delete the paths below the target's root; nothing that lies beyond a link.

    Raise Busy when somebody writes there, Incomplete when something could not be deleted.
    """
    told = b"".join(b"./%b\0" % path for path in paths)
    asked = whole(_DELETE, root, stdin=told, root=ends.target_root)
    result = ends.target.run(asked, check=False)
    if result.code == BUSY:
        raise Busy(f"{ends.target.name}: a transfer still writes into {root}")
    if result.code != 0:
        said = result.err.decode(errors="replace").strip().splitlines()
        raise Incomplete(
            f"{ends.target.name}: not all could be deleted below {root}: {(said or [''])[0]}",
            "Cure the reason and run it again.",
        )


def _listed(ends: Ends, data: FileSet, take: Callable[[bytes], None], *, source: bool) -> None:
    """Let `take` have each entry of one side. Raise Refused, Incomplete."""
    host, place = (ends.source, data.source) if source else (ends.target, data.target)
    as_root = ends.source_root if source else ends.target_root
    scope = "" if data.cross_mounts else "-xdev"
    asked = script(_LIST, place.root, place.mount or "", scope, root=as_root)
    result = host.run(asked, check=False, sink=_Records(take))
    if result.code == _UNMOUNTED:
        raise Refused(
            f"{host.name}: {place.root} does not lie on a mounted {place.mount}: nothing is "
            "deleted on the target",
            "Mount it, or correct the declared mount.",
        )
    if result.code == _AWAY:
        raise CommandFailed(host.name, result)
    if result.code != 0:
        said = result.err.decode(errors="replace").strip().splitlines()
        raise Incomplete(
            f"{host.name}: {place.root} could not be listed as a whole, so nothing is deleted: "
            f"{(said or [''])[0]}",
            "Cure the reason and run it again.",
        )


class _Records:
    """Passes NUL-ended records on, out of chunks of any size, and keeps none."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._rest = b""

    def __call__(self, chunk: bytes) -> None:
        *whole, self._rest = (self._rest + chunk).split(b"\0")
        for record in whole:
            self._take(record)
