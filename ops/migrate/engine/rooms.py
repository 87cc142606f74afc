"""The folders that a run has on both hosts: one for the key and the streams, one for the gate."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ops.errors import OpsError
from ops.migrate.both import at_once
from ops.migrate.engine import passes, probe, rsync, streams
from ops.migrate.engine.ends import Busy, Ends
from ops.migrate.engine.keys import Keys
from ops.migrate.engine.knock import KNOCK_TIME
from ops.migrate.engine.outcome import BUSY, FULL, SHORT
from ops.pages.render import render
from ops.remote.command import script
from ops.remote.errors import CommandFailed

LOCK_TIME = 150
"""Seconds to wait for what receives for a run that died: it ends within 30 by itself, or within
twice rsync.SILENCE where the network went away without a word.
"""

# Both ends may be one machine: what this run ($2) has made stays until it is over, and what one
# of them finds the other may just have removed. A folder that was not renewed for a day is of a
# run that died, whatever it moved.
CLEAR = """
tries=3
until find /dev/shm -mindepth 1 -maxdepth 1 -user "$(id -u)" ! -name "$2.*" \\
    \\( -name "$1.*" -o -name "ops-migrate.*" -mmin +1500 \\) -print0 2>/dev/null |
    xargs -0 -r rm -rf --; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit
    sleep 1
done
"""

_FOLDER = """
[ "$(stat -f -c %T /dev/shm)" = tmpfs ] || { echo "/dev/shm is no tmpfs" >&2; exit 1; }
umask 077
folder=$(mktemp -d "/dev/shm/$1.XXXXXXXX") || exit
"""

_PREPARE_SOURCE = f"""{_FOLDER}
printf '%s\\n' "$3" >"$folder/known_hosts" || exit
ssh-keygen -q -t ed25519 -N '' -C "$2" -f "$folder/key" </dev/null >&2 || exit
: >"$folder/queue" && mkfifo "$folder/wake" || exit
echo "$folder"
date -u +%s.%N
exec cat -- "$folder/key.pub"
"""

# The log-in can read the gate, and only root can change it.
_PREPARE_TARGET = f"""
flock -w "$4" -E "$5" -- "$3" true || exit
{CLEAR}shift
{_FOLDER}
cat >"$folder/gate" && chmod 644 "$folder/gate" && chmod 755 "$folder" || exit
echo "$folder"
date +%Y%m%d%H%M%S
exec date -d '+1 day' +%Y%m%d%H%M%S
"""


@dataclass(frozen=True)
class Rooms:
    """What lies on both hosts before the door is hung: the key's folder, and the gate's."""

    inside: str
    clock: str
    public: str
    gate: str
    now: str
    expiry: str


def made(ends: Ends, keys: Keys, run: str, root: str, templates: Sequence[Path]) -> Rooms:
    """Make the folders, once nobody writes into `root`. Until then nothing of others is touched."""
    mine = names(ends, keys.component, run)
    known = f"{ends.target_endpoint.key_name} {ends.target_key}"
    words = (mine[1], passes.mark(keys.component, run), known)
    prepare = script(_PREPARE_SOURCE, *words, root=ends.source_root)
    try:
        (inside, clock, public), (gate, now, expiry), _ = at_once(
            lambda: ends.source.run(prepare).out.decode().splitlines()[:3],
            lambda: _prepare_target(ends, mine, run, root, templates),
            keys.look,
        )
    except BaseException:
        with suppress(OpsError):
            clear(ends, mine[1])
        raise
    return Rooms(inside, clock, public, gate, now, expiry)


def clear(ends: Ends, folder: str) -> None:
    """Remove the folders that begin so on both hosts."""
    at_once(
        lambda: ends.source.run(script(CLEAR, folder, "", root=ends.source_root)),
        lambda: ends.target.run(script(CLEAR, folder, "", root=ends.target_root)),
    )


def folder(ends: Ends, component: str) -> str:
    """Return how a component's folders begin; per target, as a site and a lab may share a host."""
    return f"ops-migrate.{component}.{sha256(ends.target_key.encode()).hexdigest()[:8]}"


def names(ends: Ends, component: str, run: str) -> tuple[str, str]:
    """Return how the folders of all of the component's runs begin, and those of this one."""
    start = folder(ends, component)
    return start, f"{start}.{run}"


def _prepare_target(
    ends: Ends, mine: tuple[str, str], run: str, root: str, templates: Sequence[Path]
) -> tuple[str, str, str]:
    """Put the gate on the target; return its folder, the time, and when its key is to expire."""
    codes = {"busy": BUSY, "full": FULL, "short": SHORT}
    blocks = " ".join(map(str, probe.BLOCKS))
    values = {"run": run, "root": root, "sudo": ends.target_root, "blocks": blocks, **codes}
    values |= {"silence": rsync.SILENCE, "factor": streams.FACTOR}
    text = render("migrate/gate.sh.j2", templates, **values)
    words = (*mine, root, str(LOCK_TIME), str(BUSY))
    asked = script(_PREPARE_TARGET, *words, root=ends.target_root, stdin=text.encode())
    result = ends.target.run(asked, check=False, timeout=LOCK_TIME + KNOCK_TIME)
    if result.code == BUSY:
        raise Busy(f"{ends.target.name}: another transfer still writes into {root}")
    if result.code != 0:
        raise CommandFailed(ends.target.name, result)
    gate, now, expiry = result.out.decode().split()
    return gate, now, expiry
