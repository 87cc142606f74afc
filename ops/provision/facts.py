"""All facts of a host by one command: its words, and what its output means. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ops.errors import OpsError
from ops.provision.desired import APT_LIST, Desired
from ops.provision.observed import Device, Host, HostFile, HostUser, Mount, Unit
from ops.remote.command import Command, script

RUN = "/run/ops"
"""Folder on the host for locks and for marks that a reboot makes pointless."""

BY_ID = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_"
"""EC2's by-id link of an EBS volume, up to the volume id without its dash (Nitro types)."""

EDGES = r"""
edges_are_zero() {
  size=$(blockdev --getsize64 "$1" 2>/dev/null || stat -L -c %s -- "$1") || return
  cmp -s -n 1048576 -- "$1" /dev/zero &&
    cmp -s -i "$((size > 1048576 ? size - 1048576 : 0)):0" -n 1048576 -- "$1" /dev/zero
}
"""
"""A shell function: does a device begin and end with zeros, as a new volume does? What some
programs write has no signature that blkid or wipefs would know."""

_SCRIPT = (
    EDGES
    + r"""
set -uf
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
run=$1 devices=$2 mounts=$3 packages=$4 files=$5 units=$6 users=$7 settings=$8 left=$9
mkdir -p -m 700 "$run" && exec 9>"$run/lock" && flock -w 120 9 || {
  echo "another run still works here" >&2
  exit 75
}
printf 'user\t%s\n' "$(id -u)"
printf '%s\n' "$devices" | while IFS= read -r link; do
  [ -n "$link" ] || continue
  while [ ! -b "$link" ] && [ "$left" -gt 0 ]; do sleep 1; left=$((left - 1)); done
  [ -b "$link" ] || continue
  number=$(mountpoint -x -- "$link")
  found=$(blkid -p -o export -s TYPE -s UUID -s PTTYPE -s LABEL -- "$link")
  probed=$?
  signs=$(wipefs -n -- "$link") || signs=unreadable
  blank=no
  [ "$probed" -ne 2 ] || [ -n "$found$signs" ] || ! edges_are_zero "$link" || blank=yes
  printf 'device\t%s\t%s\t%s\t' "$link" "$number" "$blank"
  printf '%s\n' "$found" | tr '\t\n' '  '
  echo
done
printf '%s\n' "$mounts" | while IFS= read -r path; do
  [ -n "$path" ] || continue
  number=
  ! mountpoint -q -- "$path" || number=$(mountpoint -d -- "$path")
  inside=$(find "$path" -mindepth 1 -maxdepth 1 ! -name lost+found -printf x -quit 2>/dev/null)
  printf 'mount\t%s\t%s\t%s\n' "$path" "$number" "$inside"
done
[ ! -r /etc/fstab ] || sed 's/^/fstab\t/' /etc/fstab
if command -v dpkg-query >/dev/null; then
  echo dpkg
  [ -z "$packages" ] || dpkg-query -W \
    -f 'package\t${Package}\t${db:Status-Status}\t${Version}\n' -- $packages 2>/dev/null
fi
printf '%s\n' "$files" | while IFS= read -r path; do
  [ -n "$path" ] || continue
  seen=$(stat -c '%F	%U	%G	%a' -- "$path" 2>/dev/null) || continue
  sum=
  case $seen in regular*) sum=$(sha256sum <"$path" | cut -d ' ' -f 1) ;; esac
  printf 'file\t%s\t%s\t%s\n' "$path" "$seen" "$sum"
done
if [ -d /run/systemd/system ]; then
  echo systemd
  [ -z "$units" ] || systemctl show --property=Id --property=LoadState \
    --property=ActiveState --property=UnitFileState -- $units | sed 's/^/unit\t/'
fi
printf '%s\n' "$users" | while IFS= read -r name; do
  [ -n "$name" ] || continue
  entry=$(getent passwd -- "$name") || continue
  home=$(printf '%s\n' "$entry" | cut -d : -f 6)
  shell=$(printf '%s\n' "$entry" | cut -d : -f 7)
  keys=
  if [ -f "$home/.ssh/authorized_keys" ]; then  # its owner may have put anything there
    keys=$(timeout 10 head -c 1048576 -- "$home/.ssh/authorized_keys" | sha256sum)
    keys=${keys%% *}
  fi
  sudo=$(sha256sum <"/etc/sudoers.d/ops-$name" 2>/dev/null | cut -d ' ' -f 1)
  printf 'account\t%s\t%s\t%s\t%s\t%s\n' "$name" "$shell" "$(id -nG -- "$name")" "$keys" "$sudo"
done
case $settings in *zone*) printf 'zone\t%s\n' "$(readlink /etc/localtime)" ;; esac
case $settings in
*firewall*)
  loaded=$(nft --stateless list ruleset 2>/dev/null)
  meant=$(unshare --net sh -c 'nft -f /etc/nftables.conf && nft --stateless list ruleset' 2>&1)
  [ "$loaded" = "$meant" ] && printf 'firewall\tyes\n' || printf 'firewall\tno\n'
  ;;
esac
[ ! -d "$run/restart" ] || ls "$run/restart" | sed 's/^/restart\t/'
echo end
"""
)


@dataclass(frozen=True)
class Question:
    """What to look at on a host: volume ids, mount points, packages, files, units."""

    volumes: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    """Of "zone" and "firewall" what is declared."""


def question(desired: Desired, volumes: Mapping[str, str]) -> Question:
    """Return what has to be known for `desired`; `volumes` are the attached ids by name."""
    own = [APT_LIST] if desired.apt_list() else []
    settings = [("zone", desired.time_zone), ("firewall", desired.firewall)]
    return Question(
        tuple(volumes[name] for name in sorted(volumes)),
        tuple(volume.mount for _, volume in sorted(desired.volumes.items())),
        desired.packages,
        (*own, *(file.path for file in desired.files)),
        tuple(service.name for service in desired.services),
        tuple(user.name for user in desired.users),
        tuple(name for name, declared in settings if declared),
    )


def gather(asked: Question, *, patience: int = 0, run: str = RUN) -> Command:
    """Return the one command that answers `asked`, as root.

    It waits up to `patience` seconds for volumes that were attached a moment ago, and for
    the host's lock: a step that a dead run left behind ends first.
    """
    listed = (
        [link(volume) for volume in asked.volumes],
        asked.mounts,
        asked.packages,
        asked.files,
        asked.units,
        asked.users,
        asked.settings,
    )
    return script(_SCRIPT, run, *("\n".join(words) for words in listed), str(patience), root=True)


def link(volume: str) -> str:
    """Return the path of a volume's device on its host: `vol-0a` -> `...Store_vol0a`."""
    return BY_ID + volume.replace("-", "", 1)


def parse(asked: Question, output: bytes) -> Host:
    """Return the facts that `gather(asked)` printed. Raise OpsError when they are cut short."""
    lines = output.decode("utf-8", "surrogateescape").split("\n")
    if lines[-2:] != ["end", ""]:
        raise OpsError(
            "the facts of the host came incomplete",
            "It has no working POSIX shell, or lost the connection: run the task again.",
        )
    records: dict[str, list[list[str]]] = {}
    for line in lines[:-2]:
        kind, *fields = line.split("\t")
        records.setdefault(kind, []).append(fields)
    return _host(asked, records)


def _host(asked: Question, records: Mapping[str, list[list[str]]]) -> Host:
    entries = _entries(records.get("fstab", []))
    return Host(
        root=records.get("user") == [["0"]],
        systemd="systemd" in records,
        dpkg="dpkg" in records,
        devices={
            volume: _device(fields)
            for volume in asked.volumes
            for fields in records.get("device", [])
            if fields[0] == link(volume)
        },
        mounts={
            path: Mount(number, bool(inside) and not number, entries.get(path, ""))
            for path, number, inside in records.get("mount", [])
        },
        packages={
            name: version
            for name, status, version in records.get("package", [])
            if status == "installed"
        },
        files={fields[0]: _file(fields[1:]) for fields in records.get("file", [])},
        units=dict(zip(asked.units, _units(records.get("unit", [])), strict=False)),
        restarts=frozenset(fields[0] for fields in records.get("restart", [])),
        accounts={
            name: HostUser(shell, frozenset(groups.split()), keys, sudo)
            for name, shell, groups, keys, sudo in records.get("account", [])
        },
        time_zone="".join(fields[0] for fields in records.get("zone", [])).partition("/zoneinfo/")[
            2
        ],
        filtered=["yes"] in records.get("firewall", []),
    )


def _device(fields: list[str]) -> Device:
    _, number, blank, found = fields
    tags = dict(word.partition("=")[::2] for word in found.split() if "=" in word)
    return Device(number, blank == "yes", tags.get("TYPE", ""), tags.get("UUID", ""), found.strip())


def _file(fields: list[str]) -> HostFile:
    kind, owner, group, mode, sha256 = fields
    kind = "regular file" if kind.startswith("regular") else kind
    return HostFile(kind, owner, group, f"{int(mode, 8):04o}", sha256)


def _entries(lines: Iterable[list[str]]) -> dict[str, str]:
    """Return the lines of an fstab by mount point, blanks made single."""
    found: dict[str, str] = {}
    for line in lines:
        words = "\t".join(line).split()
        if len(words) >= 4 and not words[0].startswith("#"):
            found[_unescaped(words[1])] = " ".join(words)
    return found


def _unescaped(path: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\134", "\\")):
        path = path.replace(code, character)
    return path


def _units(lines: Iterable[list[str]]) -> list[Unit]:
    """Return the units of `systemctl show`, whose answers stand in the order of the question."""
    text = "\n".join(fields[0] if fields else "" for fields in lines)
    found = []
    for block in text.strip("\n").split("\n\n"):
        said = dict(line.partition("=")[::2] for line in block.split("\n"))
        if "LoadState" in said:
            found.append(Unit(said["LoadState"], said["ActiveState"], said["UnitFileState"]))
    return found
