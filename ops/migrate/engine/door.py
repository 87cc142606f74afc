"""The door from source to target: a key for one run, what it may do, and its removal.

The key pair is made on the source and lives on tmpfs there. On the target its line in
authorized_keys leads to a gate, which at first answers a knock only: it tells the address that
the target sees the source at, and how long a round trip takes. From then on both the line and
the gate let streams into one folder, and from that address only. Connections that were made
before the knock need not be made again. The door is closed when the block is left; what a run
that died has left open is closed by the component's next run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from ops.errors import Incomplete, OpsError
from ops.migrate.both import at_once
from ops.migrate.engine import passes, probe, rsync, streams
from ops.migrate.engine.keys import Keys
from ops.migrate.engine.knock import KNOCK, KNOCK_TIME, answered
from ops.migrate.engine.outcome import BUSY, FULL, SHORT
from ops.migrate.engine.renewal import Pass, renewed
from ops.migrate.engine.ssh import ssh_words
from ops.pages.render import render
from ops.remote.command import script
from ops.remote.endpoint import Endpoint
from ops.remote.errors import CommandFailed, Unreachable
from ops.remote.host import Host

LOCK_TIME = 60
"""Seconds to wait for a stream of a run that died; it ends within 30 by itself."""

# Both ends may be one machine: what this run ($2) has made stays until it is over, and what one
# of them finds the other may just have removed. A folder that was not renewed for a day is of a
# run that died, whatever it moved.
_CLEAR = """
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
echo "$folder"
date -u +%s.%N
exec cat -- "$folder/key.pub"
"""

# The log-in can read the gate, and only root can change it.
_PREPARE_TARGET = f"""
flock -w "$4" -E "$5" -- "$3" true || exit
{_CLEAR}shift
{_FOLDER}
cat >"$folder/gate" && chmod 644 "$folder/gate" && chmod 755 "$folder" || exit
echo "$folder"
date +%Y%m%d%H%M%S
exec date -d '+1 day' +%Y%m%d%H%M%S
"""

_RENEW = """
touch -- "$1" && exec date -d '+1 day' +%Y%m%d%H%M%S
"""

# What the gate compares with the address that each connection comes from.
_ADMIT = """
printf '%s\\n' "$2" >"$1/address.new" && chmod 644 "$1/address.new" &&
    exec mv "$1/address.new" "$1/address"
"""


@dataclass(frozen=True)
class Ends:
    """Both hosts of a transfer, and how the source is to reach the target.

    `target_key` is the target's pinned host key, `TYPE BASE64`. What is done on the source is
    done as root where its log-in may become root; the same on the target.
    """

    source: Host
    target: Host
    target_endpoint: Endpoint
    target_key: str
    source_root: bool = False

    @property
    def target_root(self) -> bool:
        """Return whether the target's log-in becomes root."""
        return self.target_endpoint.become == "sudo"


@dataclass(frozen=True)
class Way:
    """An open door: ssh's words for the source, and what the knock told.

    `inside` is the run's folder there. `opened` is when, by the source's clock: what changes
    there later, changes during the move.
    """

    ssh: tuple[str, ...]
    address: str
    round_trip: float | None
    opened: datetime
    inside: str

    @property
    def round_trip_ms(self) -> float | None:
        """Return the round trip in milliseconds, None where it could not be measured."""
        return None if self.round_trip is None else round(self.round_trip * 1000, 2)


@dataclass(frozen=True)
class Door:
    """A key and a gate that are there, and not yet open; ssh's words lead to the gate.

    `gate` is the gate's folder on the target, `inside` the key's on the source.
    """

    ends: Ends
    keys: Keys
    ssh: tuple[str, ...]
    inside: str
    gate: str
    made: datetime
    pass_: Pass

    def knock(self) -> Way:
        """Open the door to the address that the target sees, and return what was learnt.

        Raise HostKeyRefused when the target does not show its pinned key to the source,
        Unreachable when the source does not get through.
        """
        ends = self.ends
        # What closes a connection early ssh tells at this level and above only.
        words = [self.ssh[0], "-o", "LogLevel=INFO", *streams.shared(self.ssh, 1)[1:]]
        knock = script(KNOCK, self.inside, *words, root=ends.source_root)
        address, round_trip = answered(ends.source, ends.target_endpoint, knock, self._admit)
        return Way(self.ssh, address, round_trip, self.made, self.inside)

    def renew(self) -> None:
        """Make the key good for another day."""
        ends = self.ends
        ends.source.run(script(_RENEW, self.inside, root=ends.source_root))
        told = ends.target.run(script(_RENEW, self.gate, root=ends.target_root))
        self.pass_.renew(told.out.decode().strip())

    def _admit(self, address: str) -> None:
        admit = script(_ADMIT, self.gate, address, root=self.ends.target_root)
        at_once(lambda: self.pass_.let(address), lambda: self.ends.target.run(admit))


class Busy(Incomplete):
    """Somebody else writes into the target's root."""


@contextmanager
def made(
    ends: Ends, component: str, run: str, root: str, templates: Sequence[Path]
) -> Iterator[Door]:
    """Make the door from the source into `root` on the target, and close it afterwards.

    First waits until nobody writes into `root`. Raise Busy when that takes too long, and
    Incomplete when the door can't be closed.
    """
    keys = Keys(ends.target, component)
    folders = _prepared(ends, keys, run, root, templates)
    try:
        door = _hung(ends, keys, run, folders)
        with renewed(door.renew):
            yield door
    except BaseException:
        with suppress(OpsError):
            _close(ends, keys)
        raise
    try:
        _close(ends, keys)
    except OpsError as error:
        raise Incomplete(
            f"the key of run {run} may still be on {ends.target.name}: {error.message}",
            "It ends within a day by itself; the component's next run removes it.",
        ) from None


@dataclass(frozen=True)
class _Folders:
    """What lies on both hosts before the door is hung: the key's folder, and the gate's."""

    inside: str
    clock: str
    public: str
    gate: str
    now: str
    expiry: str


def _prepared(ends: Ends, keys: Keys, run: str, root: str, templates: Sequence[Path]) -> _Folders:
    """Make the folders, once nobody writes into `root`. Until then nothing of others is touched."""
    names = _names(ends, keys.component, run)
    known = f"{ends.target_endpoint.key_name} {ends.target_key}"
    words = (names[1], passes.mark(keys.component, run), known)
    prepare = script(_PREPARE_SOURCE, *words, root=ends.source_root)
    try:
        (inside, clock, public), (gate, now, expiry), _ = at_once(
            lambda: ends.source.run(prepare).out.decode().splitlines()[:3],
            lambda: _prepare_target(ends, names, run, root, templates),
            keys.look,
        )
    except BaseException:
        with suppress(OpsError):
            _clear(ends, names[1])
        raise
    return _Folders(inside, clock, public, gate, now, expiry)


def _hung(ends: Ends, keys: Keys, run: str, folders: _Folders) -> Door:
    """Let the key in, and remove what earlier runs have left on the source."""
    mark, names = passes.mark(keys.component, run), _names(ends, keys.component, run)

    def line(address: str, expiry: str) -> bytes:
        return passes.line(folders.public, mark, f"sh {folders.gate}/gate", expiry, address)

    keys.now = folders.now
    let = Pass(keys, line, folders.expiry)
    at_once(
        let.let,
        lambda: ends.source.run(script(_CLEAR, *names, root=ends.source_root)),
    )
    ssh = ssh_words(ends.target_endpoint, folders.inside)
    made = datetime.fromtimestamp(float(folders.clock), UTC)
    return Door(ends, keys, ssh, folders.inside, folders.gate, made, let)


def _close(ends: Ends, keys: Keys) -> None:
    """Remove the component's line and folders, of whatever run they are.

    Folders on a host that is not reached stay until the next run: without the line they open
    nothing.
    """

    def clear() -> None:
        with suppress(Unreachable):
            _clear(ends, _folder(ends, keys.component))

    at_once(lambda: keys.let(b""), clear)


def _clear(ends: Ends, folder: str) -> None:
    """Remove the folders that begin so on both hosts."""
    at_once(
        lambda: ends.source.run(script(_CLEAR, folder, "", root=ends.source_root)),
        lambda: ends.target.run(script(_CLEAR, folder, "", root=ends.target_root)),
    )


def _folder(ends: Ends, component: str) -> str:
    """Return how a component's folders begin; per target, as a site and a lab may share a host."""
    return f"ops-migrate.{component}.{sha256(ends.target_key.encode()).hexdigest()[:8]}"


def _names(ends: Ends, component: str, run: str) -> tuple[str, str]:
    """Return how the folders of all of the component's runs begin, and those of this one."""
    folder = _folder(ends, component)
    return folder, f"{folder}.{run}"


def _prepare_target(
    ends: Ends, names: tuple[str, str], run: str, root: str, templates: Sequence[Path]
) -> tuple[str, str, str]:
    """Put the gate on the target; return its folder, the time, and when its key is to expire."""
    codes = {"busy": BUSY, "full": FULL, "short": SHORT}
    blocks = " ".join(map(str, probe.BLOCKS))
    values = {"run": run, "root": root, "sudo": ends.target_root, "blocks": blocks, **codes}
    values |= {"silence": rsync.SILENCE, "factor": streams.FACTOR}
    text = render("migrate/gate.sh.j2", templates, **values)
    words = (*names, root, str(LOCK_TIME), str(BUSY))
    asked = script(_PREPARE_TARGET, *words, root=ends.target_root, stdin=text.encode())
    result = ends.target.run(asked, check=False, timeout=LOCK_TIME + KNOCK_TIME)
    if result.code == BUSY:
        raise Busy(f"{ends.target.name}: another transfer still writes into {root}")
    if result.code != 0:
        raise CommandFailed(ends.target.name, result)
    folder, now, expiry = result.out.decode().split()
    return folder, now, expiry
