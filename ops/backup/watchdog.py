"""The commands that freeze and thaw file systems on a host, and the watchdog that always thaws.

The watchdog starts before the first freeze, out of the session's reach (as a unit of systemd
where there is one, as logind may end all that a session has left), and thaws after its limit,
whatever became of the controller and the network. A freeze waits for writers that are in flight:
until then nothing can thaw it or end it, and when the writer has ended it is frozen after all. So
whoever freezes holds a lock on the watchdog's file, which every fsfreeze inherits, and the
watchdog thaws again and again until it gets that lock.
"""

from __future__ import annotations

from collections.abc import Sequence

from ops.remote.command import Command, script

GONE, STUCK = 9, 8
"""How a thaw ends when a file system was thawed before, and when one can't be thawed."""

_WATCHDOG = r"""
trap '' HUP
PATH=/usr/sbin:/sbin:/usr/bin:/bin
LC_ALL=C
export LC_ALL
file=$1 limit=$2
shift 2
thaw() { # and return whether none is frozen now: that is what "Invalid argument" says
  code=0
  for mount do
    said=$(fsfreeze -u "$mount" 2>&1) && continue
    case $said in *'Invalid argument'*) ;; *) echo "$said" >&2; code=1 ;; esac
  done
  return "$code"
}
echo $$ >"$file"
sleep "$limit"
exec 8<"$file"
until flock -n 8; do thaw "$@"; sleep 0.2; done
tries=0
until thaw "$@"; do
  tries=$((tries + 1))
  [ "$tries" -lt 3600 ] || exit 1
  sleep 1
done
rm -f "$file"
"""

_FREEZE = r"""
set -u
PATH=/usr/sbin:/sbin:/usr/bin:/bin
file=/run/ops-freeze.$1 limit=$2 watchdog=$3
shift 3
fail() { echo "$1" >&2; exit 1; }
for program in fsfreeze flock setsid; do
  command -v "$program" >/dev/null || fail "$program is not installed (package util-linux)"
done
root=$(stat -c %d /)
for mount do
  mountpoint -q "$mount" || fail "$mount is not mounted"
  [ "$(stat -c %d "$mount")" != "$root" ] || fail "$mount is the root file system"
  [ "$(stat -c %d "$mount")" != "$(stat -c %d /run)" ] || fail "$mount holds /run"
done
[ ! -e "$file" ] || fail "an earlier freeze is not at its end yet: $file is there"
exec 9>"$file"
flock -n 9 || fail "$file is locked"

unit() { # systemd takes $ for its own variables
  [ -d /run/systemd/system ] && command -v systemd-run >/dev/null || return 1
  for word do
    shift
    set -- "$@" "$(printf %s "$word" | sed 's/\$/$$/g')"
  done
  systemd-run --quiet --collect -- "$@" </dev/null >/dev/null 2>&1 9>&-
}
set -- sh -c "$watchdog" watchdog "$file" "$limit" "$@"
unit "$@" || { setsid "$@" </dev/null >/dev/null 2>&1 9>&- & }
shift 6
tries=0
while [ ! -s "$file" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 1000 ] || { rm -f "$file"; fail 'the watchdog did not start'; }
  sleep 0.01
done

count=0
for mount do
  fsfreeze -f "$mount" || break
  count=$((count + 1))
done
[ "$count" != "$#" ] || exit 0
failed=$mount left=
for mount do
  [ "$count" -gt 0 ] || break
  fsfreeze -u "$mount" || left="$left $mount"
  count=$((count - 1))
done
[ -z "$left" ] || fail "$failed could not be frozen; the watchdog thaws$left within $limit s"
kill -- "-$(cat "$file")"
rm -f "$file"
fail "$failed could not be frozen; what was frozen is thawed"
"""

_THAW = r"""
set -u
PATH=/usr/sbin:/sbin:/usr/bin:/bin
LC_ALL=C
export LC_ALL
file=/run/ops-freeze.$1 gone=$2 stuck=$3
shift 3
[ -s "$file" ] || exit "$gone" # the watchdog has thawed all, or nothing was frozen
status=0
for mount do
  said=$(fsfreeze -u "$mount" 2>&1) && continue
  case $said in
    *'Invalid argument'*) [ "$status" != 0 ] || status=$gone ;;
    *) status=$stuck; echo "$said" >&2 ;;
  esac
done
# where one did not thaw, the watchdog stays and tries again
if [ "$status" = 0 ]; then kill -- "-$(cat "$file")"; rm -f "$file"; fi
exit "$status"
"""

_SYNC = 'PATH=/usr/bin:/bin; exec sync -f -- "$@"'


def sync_command(mounts: Sequence[str]) -> Command:
    """Return the command that brings on disk what was written, so that a freeze is short."""
    return script(_SYNC, *mounts, root=True)


def freeze_command(run: str, mounts: Sequence[str], limit: int) -> Command:
    """Return the command that starts the watchdog and freezes `mounts`, all or none."""
    return script(_FREEZE, run, str(limit), _WATCHDOG, *mounts, root=True)


def thaw_command(run: str, mounts: Sequence[str]) -> Command:
    """Return the command that thaws `mounts` and ends the watchdog when all have thawed.

    It exits with GONE when one was not frozen any more, with STUCK when one can't be thawed.
    """
    return script(_THAW, run, str(GONE), str(STUCK), *mounts, root=True)
