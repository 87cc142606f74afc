"""What is found at both ends of a data set before it is moved; nothing is changed."""

from __future__ import annotations

from ops.errors import OpsError
from ops.escapes import escape
from ops.inventory.patterns import Excludes
from ops.inventory.schema import FileSet, Place
from ops.migrate import rsync
from ops.migrate.plan import Facts, SourceFacts, TargetFacts
from ops.remote.command import command, script
from ops.remote.host import Host

_PROGRAMS = 'for name; do command -v -- "$name" >/dev/null || echo "$name"; done'

_PLACE = """
root=$1 mount=$2 mounted=1 found=0
while [ ! -e "$root" ]; do root=$(dirname -- "$root"); done
[ "$root" != "$1" ] || [ ! -d "$root" ] || found=1
if [ -n "$mount" ]; then
    mountpoint -q -- "$mount" && [ "$(stat -L -c %d -- "$root")" = "$(stat -c %d -- "$mount")" ] ||
        mounted=0
fi
echo "$mounted $found"
"""

_ALLOCATED = """
cd -- "$1" && size=$(du -s $2 --block-size=1 . 2>/dev/null); echo "${size%%[!0-9]*}"
"""

_EXISTING = r"""
cd -- "$1" || exit
find . -xdev \( -path ./lost+found -o -path "./$2" -o -name "$3" \) -prune -o ! -type d -printf . |
    wc -c
"""

_FREE = """
root=$1
while [ ! -e "$root" ]; do root=$(dirname -- "$root"); done
df --block-size=1 --output=avail,iavail -- "$root" | tail -n 1
"""


def facts(source: Host, target: Host, data: FileSet, *, own: bool) -> Facts:
    """Return what both ends have of the data set. Raise OpsError when a program is missing."""
    return Facts(at_source(source, data), at_target(target, data.target), own)


def at_source(host: Host, data: FileSet) -> SourceFacts:
    """Return what the source has, counted by rsync itself, so that excludes mean the same."""
    _needs(host, "rsync", "ssh", "ssh-keygen", "mkfifo")
    mounted, found = _place(host, data.source)
    if not (mounted and found):
        return SourceFacts(mounted, found)
    words = rsync.count(
        data.source.root,
        "/dev/shm/ops-migrate-counts",  # noqa: S108 - never made: a dry run
        Excludes(data.exclude).rsync_arguments(),
        cross_mounts=data.cross_mounts,
    )
    result = host.run(command(*words, root=True, env={"LC_ALL": "C"}), check=False)
    if result.code not in (0, 23, 24):
        raise OpsError(
            f"{host.name}: rsync could not count {data.source.root}: {_said(result.err)}"
        )
    counted = rsync.totals(result.out)
    said = rsync.complaints(result.err)
    return SourceFacts(
        mounted,
        found,
        counted.files,
        counted.entries,
        counted.bytes,
        _allocated(host, data.source.root, data.cross_mounts),
        tuple(f"{escape(failure.path)} ({failure.reason})" for failure in said.failed),
    )


def at_target(host: Host, place: Place) -> TargetFacts:
    """Return what the target's root holds and how much more it takes."""
    _needs(host, "rsync", "flock", "sha256sum")
    mounted, found = _place(host, place)
    if not mounted:
        return TargetFacts(mounted, found)
    free, entries = host.run(script(_FREE, place.root, root=True)).out.decode().split()
    return TargetFacts(
        mounted,
        found,
        _existing(host, place.root) if found else 0,
        _allocated(host, place.root, cross_mounts=False) if found else 0,
        int(free),
        int(entries) if entries.isdigit() and int(entries) else None,
    )


def _place(host: Host, place: Place) -> tuple[bool, bool]:
    asked = script(_PLACE, place.root, place.mount or "", root=True)
    mounted, found = host.run(asked).out.split()
    return mounted == b"1", found == b"1"


def _existing(host: Host, root: str) -> int:
    asked = script(_EXISTING, root, rsync.TEMPORARY, rsync.PARTIAL, root=True)
    return int(host.run(asked).out)


def _allocated(host: Host, root: str, cross_mounts: bool) -> int:
    asked = script(_ALLOCATED, root, "" if cross_mounts else "-x", root=True)
    return int(host.run(asked).out or 0)


def _needs(host: Host, *programs: str) -> None:
    missing = host.run(script(_PROGRAMS, *programs, root=True)).out.decode().split()
    if missing:
        raise OpsError(
            f"{host.name} has no {', '.join(missing)}",
            f"Install it there: apt install {' '.join(missing)}, or as that system does.",
        )


def _said(err: bytes) -> str:
    return (
        err.decode(errors="replace").strip().splitlines()[-1] if err.strip() else "no reason given"
    )
