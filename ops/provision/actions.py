"""What is done on a host, as commands: each may be repeated, and ends when it was begun.

Steps that change a host run in a session of their own under the host's lock: when the
controller dies they go on to their end, and whoever comes next waits for it.
"""

from __future__ import annotations

from ops.inventory.schema import User, Volume
from ops.plan import Step
from ops.provision.desired import File
from ops.provision.facts import EDGES, RUN, link
from ops.provision.interior import entry
from ops.provision.settings import keys_text, sudo_text
from ops.provision.storage import filesystem_uuid
from ops.remote.command import Command, script

BUSY = 75
"""Exit code of a step that waited in vain for an earlier one (EX_TEMPFAIL of sysexits.h)."""

_STEADY = r"""
run=$1 text=$2
shift 2
mkdir -p -m 700 "$run" && log=$(mktemp "$run/log.XXXXXX") || exit
setsid -w flock -o -w 600 -E 75 "$run/lock" sh -c "$text" ops "$@" </dev/null >"$log" 2>&1
code=$?
cat "$log" >&2
rm -f "$log"
exit "$code"
"""

FORMAT = (
    EDGES
    + r"""
PATH=/usr/sbin:/usr/bin:/sbin:/bin
device=$1 type=$2 uuid=$3
found=$(blkid -p -o export -- "$device")
probed=$?
signs=$(wipefs -n -- "$device") || exit
if [ "$probed" -ne 2 ] || [ -n "$found$signs" ] || ! edges_are_zero "$device"; then
  echo "not empty, so not formatted: $device $found"
  exit 9
fi
case $type in
  ext4) mkfs.ext4 -q -U "$uuid" -- "$device" ;;
  xfs) mkfs.xfs -q -m "uuid=$uuid" -- "$device" ;;
esac
"""
)

_MOUNT = r"""
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
device=$1 path=$2 line=$3
mkdir -p -- "$path"
touch /etc/fstab
place=$(printf '%s\n' "$line" | cut -d ' ' -f 2)
cp -p /etc/fstab /etc/.fstab.ops
place=$place awk '$1 ~ /^#/ || $2 != ENVIRON["place"]' /etc/fstab >/etc/.fstab.ops
printf '%s\n' "$line" >>/etc/.fstab.ops
sync /etc/.fstab.ops
mv -f /etc/.fstab.ops /etc/fstab
systemctl daemon-reload 2>/dev/null || true
mountpoint -q -- "$path" || mount -- "$path"
[ "$(mountpoint -d -- "$path")" = "$(mountpoint -x -- "$device")" ] || {
  echo "$path is not mounted from $device"
  exit 1
}
"""

_PACKAGES = r"""
set -u
DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a LC_ALL=C.UTF-8
export DEBIAN_FRONTEND NEEDRESTART_MODE LC_ALL
# A new host's own upgrade may hold any of four locks. dpkg waits for none, apt-get for one.
patiently() {
  said=$(mktemp) || return # no pipe, which a service that it starts would keep open
  until=$(($(date +%s) + 300))
  while :; do
    "$@" >"$said" 2>&1
    code=$?
    [ "$code" != 0 ] && [ "$(date +%s)" -lt "$until" ] || break
    grep -q -e '^dpkg: error: .*locked by another process' -e '^E: Could not get lock' "$said" ||
      break
    sleep 1
  done
  cat "$said"
  rm -f "$said"
  return "$code"
}
apt() {
  patiently apt-get -q -y -o Acquire::Retries=2 -o Acquire::http::Timeout=15 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
patiently dpkg --configure -a || exit
apt update || echo 'apt-get update failed: going on with the lists that are there'
apt install -- "$@" || exit
for name do
  [ "$(dpkg-query -W -f '${db:Status-Status}' -- "$name" 2>/dev/null)" = installed ] || {
    echo "$name is no package of its own: declare the one that provides it"
    exit 1
  }
done
"""

_RECEIVE = r"""
run=$1 sum=$2 steady=$3 place=$4
shift 4
umask 077
mkdir -p -m 700 "$run" && got=$(mktemp "$run/file.XXXXXX") || exit
trap 'rm -f "$got"' EXIT
cat >"$got" || exit
[ "$(sha256sum <"$got" | cut -d ' ' -f 1)" = "$sum" ] || {
  echo "only $(stat -c %s "$got") bytes arrived, or others: nothing was changed" >&2
  exit 1
}
trap - EXIT
sh -c "$steady" ops "$run" "$place" "$run" "$got" "$@"
code=$?
rm -f "$got"
exit "$code"
"""

_PLACE = r"""
set -eu
umask 077
run=$1 got=$2 path=$3 owner=$4 group=$5 mode=$6
shift 6
new=
trap 'rm -f -- "$got" "$new"' EXIT
folder=$(dirname -- "$path")
[ -d "$folder" ] || (umask 022 && mkdir -p -- "$folder")
[ ! -d "$path" ] || { echo "$path is a folder"; exit 1; }
new=$(mktemp -- "$folder/.ops-XXXXXX")
cat "$got" >"$new"
chown -- "$owner:$group" "$new"
chmod -- "$mode" "$new"
sync -- "$new"
mkdir -p -m 755 "$run/restart"
for unit do : >"$run/restart/$unit"; done
mv -fT -- "$new" "$path"
"""

_KEYS = r"""
set -eu
umask 077
cd -- "$1"
if [ -n "$2" ]; then
  mkdir -p .ssh
  new=$(mktemp .ssh/.ops-XXXXXX)
  printf %s "$2" >"$new"
  mv -fT "$new" .ssh/authorized_keys
else
  rm -f .ssh/authorized_keys
fi
"""
"""Done as the account itself: root would follow the links that it makes in its own home."""

_USER = r"""
set -eu
umask 077
PATH=/usr/sbin:/usr/bin:/sbin:/bin
name=$1 shell=$2 groups=$3 keys=$4 sudo=$5 as_owner=$6
getent passwd -- "$name" >/dev/null || useradd --create-home --shell "$shell" -- "$name"
usermod --shell "$shell" --append --groups "$groups" -- "$name"
home=$(getent passwd -- "$name" | cut -d : -f 6)
if [ -n "$keys" ] && [ ! -e "$home/.ssh" ] && ! runuser -u "$name" -- test -w "$home"; then
  mkdir -- "$home/.ssh"
  chown -h -- "$name:$(id -g -- "$name")" "$home/.ssh"
fi
runuser -u "$name" -- sh -c "$as_owner" ops "$home" "$keys"
rules=/etc/sudoers.d/ops-$name
if [ -n "$sudo" ]; then
  printf %s "$sudo" >"$rules.new~"
  chmod 440 "$rules.new~"
  visudo -cqf "$rules.new~"
  mv -f "$rules.new~" "$rules"
else
  rm -f "$rules"
fi
"""

_ZONE = r"""
set -eu
zone=/usr/share/zoneinfo/$1
[ -f "$zone" ] || { echo "the host knows no time zone $1: declare the package tzdata"; exit 1; }
ln -sfn "$zone" /etc/localtime
echo "$1" >/etc/timezone
systemctl try-restart cron rsyslog 2>/dev/null || true
"""

_UNIT = r"""
set -e
verb=$1 unit=$2 run=$3
case $verb in start | restart) systemctl daemon-reload ;; esac
systemctl "$verb" -- "$unit" || {
  systemctl status --no-pager --lines=15 -- "$unit" || true
  exit 1
}
rm -f "$run/restart/$unit"
"""


def steady(text: str, *words: str, run: str = RUN) -> Command:
    """Return the command that runs TEXT as root, alone on its host and to its end.

    Its output comes as standard error, at the end. Exit code 75: another step is at work.
    """
    return script(_STEADY, run, text, *words, root=True)


def make_filesystem(volume_id: str, kind: str) -> Command:
    """Return the command that formats a volume; on anything but an empty one it exits 9."""
    return steady(FORMAT, link(volume_id), kind, filesystem_uuid(volume_id))


def mount(volume_id: str, declared: Volume) -> Command:
    """Return the command that mounts a volume, now and at each boot."""
    return steady(_MOUNT, link(volume_id), declared.mount, entry(volume_id, declared))


def install(packages: list[str], *, run: str = RUN) -> Command:
    """Return the command that installs packages, asking nothing and keeping changed files."""
    return steady(_PACKAGES, *packages, run=run)


def write(file: File, *, run: str = RUN) -> Command:
    """Return the command that puts a file in its place, at once or not at all.

    What arrives must have the file's digest: a connection that is lost ends it early.
    Services that it restarts are marked first, so that a crash loses no restart.
    """
    words = (file.path, file.owner, file.group, file.mode, *file.restarts)
    texts = (run, file.sha256, _STEADY, _PLACE)
    return script(_RECEIVE, *texts, *words, root=True, stdin=file.content)


def user(declared: User) -> Command:
    """Return the command that makes an account, or sets it; nobody knows a password for it.

    Keys and sudo become just what is declared, groups are added to.
    """
    words = (declared.name, declared.shell, ",".join(declared.groups))
    return steady(_USER, *words, keys_text(declared), sudo_text(declared), _KEYS)


def time_zone(zone: str) -> Command:
    """Return the command that sets the host's time zone; what logs by the clock starts anew."""
    return steady(_ZONE, zone)


def unit(step: Step) -> Command:
    """Return the command of a `service.VERB` step."""
    verb = step.kind.partition(".")[2]
    return steady(_UNIT, verb, str(step.arguments["name"]), RUN)
