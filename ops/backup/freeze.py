"""Freeze file systems around a snapshot, with a watchdog on the host that always thaws.

The watchdog starts before the first freeze, in a session of its own, and thaws after
LIMIT seconds whatever became of the controller, the network and this process. A file
system that it had to thaw is found out by `thaw`, so a snapshot never counts as
consistent that was taken after the thaw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ops.errors import OpsError
from ops.remote.command import Command, script
from ops.remote.errors import CommandFailed
from ops.remote.host import Host

LIMIT = 20
"""Seconds after which the host thaws by itself: CreateSnapshots answers in about one."""

_FREEZE = r"""
set -u
PATH=/usr/sbin:/sbin:/usr/bin:/bin
run=$1 limit=$2
shift 2
fail() { echo "$1" >&2; exit 1; }
command -v fsfreeze >/dev/null || fail 'fsfreeze is not installed (package util-linux)'
command -v setsid >/dev/null || fail 'setsid is not installed (package util-linux)'
root=$(stat -c %d /)
for mount do
  mountpoint -q "$mount" || fail "$mount is not mounted"
  [ "$(stat -c %d "$mount")" != "$root" ] || fail "$mount is the root file system"
  [ "$(stat -c %d "$mount")" != "$(stat -c %d /run)" ] || fail "$mount holds /run"
done
setsid sh -c '
  trap "" HUP
  echo $$ >"$1"
  sleep "$2"
  file=$1
  shift 2
  for mount do fsfreeze -u "$mount"; done
  rm -f "$file"
' watchdog "/run/ops-freeze.$run" "$limit" "$@" </dev/null >/dev/null 2>&1 &
while [ ! -s "/run/ops-freeze.$run" ]; do sleep 0.01; done
sync -f "$@"
done=
for mount do
  if fsfreeze -f "$mount"; then
    done=$((${done:-0} + 1))
  else
    for frozen do
      [ "${done:-0}" -gt 0 ] || break
      fsfreeze -u "$frozen"
      done=$((done - 1))
    done
    kill -- "-$(cat "/run/ops-freeze.$run")"
    rm -f "/run/ops-freeze.$run"
    fail "$mount could not be frozen; what was frozen is thawed"
  fi
done
"""

_THAW = r"""
set -u
PATH=/usr/sbin:/sbin:/usr/bin:/bin
file=/run/ops-freeze.$1
shift
status=0
for mount do fsfreeze -u "$mount" || status=9; done
[ -s "$file" ] || exit 9
# where one did not thaw, the watchdog stays and tries again
if [ "$status" = 0 ]; then kill -- "-$(cat "$file")"; rm -f "$file"; fi
exit $status
"""


class FreezeFailed(OpsError):
    """The file systems could not be frozen; none of them is."""


class ThawedTooEarly(OpsError):
    """The watchdog thawed before the snapshot call had returned."""


def freeze_command(run: str, mounts: Sequence[str], limit: int = LIMIT) -> Command:
    """Return the command that starts the watchdog and freezes `mounts`, all or none."""
    return script(_FREEZE, run, str(limit), *mounts, root=True)


def thaw_command(run: str, mounts: Sequence[str]) -> Command:
    """Return the command that thaws `mounts`; it exits 9 when the watchdog was first."""
    return script(_THAW, run, *mounts, root=True)


@contextmanager
def frozen(host: Host, run: str, mounts: Sequence[str], limit: int = LIMIT) -> Iterator[None]:
    """Freeze `mounts` on `host` for the block, then thaw them, whatever happened inside.

    No mounts: nothing is done. Raise FreezeFailed when they can't be frozen (nothing is left
    frozen then), ThawedTooEarly when the watchdog thawed before the block had ended.
    """
    if not mounts:
        yield
        return
    try:
        host.run(freeze_command(run, mounts, limit), timeout=limit)
    except CommandFailed as error:
        said = error.result.err.decode(errors="backslashreplace").strip()
        raise FreezeFailed(
            f"{host.name}: {said or 'the file systems could not be frozen'}",
            "No snapshot was taken. Mend the host, or name a level in backup.fall_back_to.",
        ) from error
    try:
        yield
    finally:
        thawed = host.run(thaw_command(run, mounts), check=False, timeout=limit)
    if thawed.code != 0:
        raise ThawedTooEarly(
            f"{host.name}: the file systems thawed after {limit} s, before AWS had answered",
            "The snapshots are crash consistent only. Run the task again.",
        )
