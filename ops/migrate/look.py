"""What is found at both ends of a data set before it is moved; nothing is changed."""

from __future__ import annotations

from dataclasses import replace

from ops.errors import OpsError
from ops.escapes import escape
from ops.inventory.patterns import Excludes
from ops.inventory.schema import FileSet, Place
from ops.migrate.both import at_once
from ops.migrate.engine import nesting, rsync
from ops.migrate.engine.ends import Ends
from ops.migrate.plan import Facts, SourceFacts, TargetFacts
from ops.remote.command import Command, script
from ops.remote.errors import CommandFailed
from ops.remote.host import Host, Result

# Both scripts begin alike: $1 names programs, $2 the root, $3 the mount it has to lie on. The
# first line they print is what is missing, or whether the mount is mounted and the root found.
_PLACE = """
missing=
for name in $1; do command -v "$name" >/dev/null || missing="$missing $name"; done
[ -z "$missing" ] || { echo "missing$missing"; exit; }
root=$2 mounted=1 found=0
[ ! -d "$root" ] || found=1
near=$root
while [ ! -e "$near" ]; do near=$(dirname -- "$near"); done
if [ -n "$3" ]; then
    mountpoint -q -- "$3" && [ "$(stat -L -c %d -- "$near")" = "$(stat -c %d -- "$3")" ] ||
        mounted=0
fi
echo "place $mounted $found"
allocated() {
    size=$(cd -- "$root" && du -s $1 --block-size=1 . 2>/dev/null)
    echo "${size%%[!0-9]*}"
}
"""

_SOURCE = f"""{_PLACE}
[ "$mounted$found" = 11 ] || exit 0
allocated "$4"
shift 4
LC_ALL=C exec "$@"
"""

_TARGET = rf"""{_PLACE}
[ "$mounted" = 1 ] || exit 0
df --block-size=1 --output=avail,iavail -- "$near" | tail -n 1
[ "$found" = 1 ] || exit 0
allocated -x
cd -- "$root" || exit
find . -xdev \( -path ./lost+found -o -path "./$4" -o -name "$5" \) -prune \
    -o ! -type d -printf '%s\n' |
    awk '{{ files++; bytes += $1 }} END {{ printf "%.0f %.0f\n", files, bytes }}'
"""

_NOWHERE = "/dev/shm/ops-migrate-counts"  # noqa: S108 - never made: rsync only counts


def facts(ends: Ends, data: FileSet, *, own: bool) -> Facts:
    """Return what both ends have of the data set.

    Raise OpsError when a program is missing, Refused when one end lies in the other.
    """
    source, target, _ = at_once(
        lambda: at_source(ends.source, data, as_root=ends.source_root),
        lambda: at_target(ends.target, data.target, as_root=ends.target_root),
        lambda: nesting.check(ends, data),
    )
    return Facts(source, target, own)


def at_source(host: Host, data: FileSet, *, as_root: bool) -> SourceFacts:
    """Return what the source has, counted by rsync itself, so that excludes mean the same."""
    excludes = Excludes(data.exclude).rsync_arguments()
    words = rsync.count(data.source.root, _NOWHERE, excludes, cross_mounts=data.cross_mounts)
    scope = "" if data.cross_mounts else "-x"
    asked = _asked(
        _SOURCE, "rsync ssh ssh-keygen mkfifo flock tar xargs", data.source, scope, *words
    )
    result = _looked(host, replace(asked, root=as_root))
    (mounted, found), lines = _place(result)
    if not (mounted and found):
        return SourceFacts(mounted, found)
    if result.code not in (0, 23, 24):
        raise CommandFailed(host.name, result, f"rsync could not count {data.source.root}.")
    counted, said = rsync.totals(result.out), rsync.complaints(result.err)
    unreadable = tuple(f"{escape(one.path)} ({one.reason})" for one in said.failed)
    allocated = int(lines[0] or 0)
    return SourceFacts(
        mounted, found, counted.files, counted.entries, counted.bytes, allocated, unreadable
    )


def at_target(host: Host, place: Place, *, as_root: bool) -> TargetFacts:
    """Return what the target's root holds and how much more it takes."""
    asides = rsync.TEMPORARY, rsync.PARTIAL
    asked = _asked(_TARGET, "rsync flock sha256sum awk tar xargs", place, *asides)
    result = _looked(host, replace(asked, root=as_root))
    if result.code != 0:
        raise CommandFailed(host.name, result)
    (mounted, found), lines = _place(result)
    if not mounted:
        return TargetFacts(mounted, found)
    free, entries = lines[0].split()
    left = int(entries) if entries.isdigit() else None
    if not found:
        return TargetFacts(mounted, found, free_bytes=int(free), free_entries=left)
    files, size = map(int, lines[2].split())
    return TargetFacts(mounted, found, files, size, int(lines[1] or 0), int(free), left)


def _asked(text: str, programs: str, place: Place, *more: str) -> Command:
    return script(text, programs, place.root, place.mount or "", *more)


def _looked(host: Host, asked: Command) -> Result:
    result = host.run(asked, check=False)
    if result.out.startswith(b"missing"):
        missing = result.out.decode().splitlines()[0].removeprefix("missing ")
        raise OpsError(
            f"{host.name} has no {missing}",
            f"Install it there: apt install {missing}, or as that system does.",
        )
    if not result.out.startswith(b"place "):
        raise CommandFailed(host.name, result)
    return result


def _place(result: Result) -> tuple[tuple[bool, bool], list[str]]:
    """Return whether the mount is mounted and the root found, and the lines after that."""
    first, *lines = result.out.decode("utf-8", "replace").splitlines()
    _, mounted, found = first.split()
    return (mounted == "1", found == "1"), lines
