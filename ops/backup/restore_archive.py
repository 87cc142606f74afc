"""An archive restored into a folder of a host, by restic on that host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ops.backup import archives, restic
from ops.backup.restic import Way
from ops.errors import OpsError
from ops.remote.command import Command, script
from ops.remote.errors import CommandFailed
from ops.remote.host import Host

FOLDER = "/var/lib/ops-restored"
"""Where drills restore archives on a host: FOLDER/COMPONENT.SLOT."""

_NEW = r"""
PATH=/usr/sbin:/usr/bin:/sbin:/bin
folder=$1 size=$2
mkdir -p -m 700 -- "$folder" || exit
[ -z "$(ls -A -- "$folder")" ] || { echo "$folder is not empty" >&2; exit 1; }
free=$(df -B1 --output=avail -- "$folder" | tail -n 1)
[ "$free" -gt "$size" ] && exit
echo "$folder has room for $free bytes, $size are needed" >&2
exit 1
"""
_REMOVE = r"""
case $1 in /var/lib/ops-restored/?*) ;; *) echo "not a drill's folder: $1" >&2; exit 1 ;; esac
rm -rf --one-file-system -- "$1"
"""


def restore(host: Host, way: Way, archive: str, folder: str, *, over: bool = False) -> None:
    """Restore an archive below `folder`: each entry at its full path there.

    The folder must be new or empty and have room, unless `over`. Raise OpsError.
    """
    if not over:
        asked = way.command("stats", "--json", "--no-lock", "--mode", "restore-size", archive)
        size = restic.total_size(_done(host, way, asked))
        fresh(host, folder, size)
    _done(host, way, way.command("restore", "--no-lock", archive, "--target", folder))


def fresh(host: Host, folder: str, size: int) -> None:
    """Make a folder that is new or empty, with room for `size` bytes. Raise OpsError."""
    try:
        host.run(script(_NEW, folder, str(size), root=True), timeout=60)
    except CommandFailed as error:
        said = error.result.err.decode(errors="backslashreplace").strip()
        raise OpsError(
            f"{host.name}: {said}", "Name a folder that is new, on a disk with room."
        ) from error


@contextmanager
def restored(host: Host, way: Way, archive: str, name: str) -> Iterator[str]:
    """Give the folder that an archive is restored in; it is removed after the block.

    What a killed run left of the same name (COMPONENT.SLOT) is removed first.
    """
    folder = f"{FOLDER}/{name}"
    remove(host, folder)
    try:
        restore(host, way, archive, folder)
        yield folder
    finally:
        remove(host, folder)


def remove(host: Host, folder: str) -> None:
    """Remove a drill's folder, if it is there."""
    host.run(script(_REMOVE, folder, root=True), timeout=3600)


def _done(host: Host, way: Way, asked: Command) -> bytes:
    result = host.run(asked, check=False, timeout=archives.LONG)
    return restic.checked(result, f"{host.name}: {way.repository}").out
