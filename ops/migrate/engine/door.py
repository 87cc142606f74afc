"""The door from source to target: a key for one run, what it may do, and its removal.

The key pair is made on the source and lives on tmpfs there. On the target its line in
authorized_keys, once hung, leads to a gate, which at first answers a knock only: it tells the
address that the target sees the source at, and how long a round trip takes. From then on both the
line and the gate let streams into one folder, and from that address only. Connections that were
made before the knock need not be made again. The door is closed when the block is left; what a run
that died has left open is closed by the component's next run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.errors import Incomplete, OpsError
from ops.migrate.both import at_once
from ops.migrate.engine import passes, rooms, streams
from ops.migrate.engine.ends import Ends
from ops.migrate.engine.keys import Keys
from ops.migrate.engine.knock import KNOCK, answered
from ops.migrate.engine.renewal import Pass, renewed
from ops.migrate.engine.rooms import Rooms
from ops.migrate.engine.ssh import ssh_words
from ops.remote.command import script

_RENEW = """
touch -- "$1" && exec date -d '+1 day' +%Y%m%d%H%M%S
"""

# What the gate compares with the address that each connection comes from.
_ADMIT = """
printf '%s\\n' "$2" >"$1/address.new" && chmod 644 "$1/address.new" &&
    exec mv "$1/address.new" "$1/address"
"""


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
    """A key and a gate that are there, and not yet hung or open; ssh's words lead to the gate.

    `gate` is the gate's folder on the target, `inside` the key's on the source.
    """

    ends: Ends
    keys: Keys
    run: str
    ssh: tuple[str, ...]
    inside: str
    gate: str
    made: datetime
    pass_: Pass

    def hang(self) -> None:
        """Let the key in, and remove what earlier runs have left on the source."""
        names = rooms.names(self.ends, self.keys.component, self.run)
        clear = script(rooms.CLEAR, *names, root=self.ends.source_root)
        at_once(self.pass_.let, lambda: self.ends.source.run(clear))

    def knock(self) -> Way:
        """Open the door to the address that the target sees, and return what was learnt.

        Raise HostKeyRefused when the target does not show its pinned key to the source,
        NoWay when the source does not get through.
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


@contextmanager
def made(
    ends: Ends,
    component: str,
    run: str,
    root: str,
    templates: Sequence[Path],
    *,
    leave: Callable[[], object] = lambda: None,
) -> Iterator[Door]:
    """Make the door from the source into `root` on the target, and close it afterwards.

    First waits until nobody writes into `root`. `leave` is what else there is to do in the end,
    done meanwhile. Raise Busy when that takes too long, and Incomplete when the door can't be
    closed.
    """
    keys = Keys(ends.target, component)
    folders = rooms.made(ends, keys, run, root, templates)
    try:
        door = _fitted(ends, keys, run, folders)
        with renewed(door.renew):
            yield door
    except BaseException:
        with suppress(OpsError):
            _close(ends, keys, leave)
        raise
    try:
        _close(ends, keys, leave)
    except OpsError as error:
        raise Incomplete(
            f"the key of run {run} may still be on {ends.target.name}: {error.message}",
            "It ends within a day by itself; the component's next run removes it.",
        ) from None


def _fitted(ends: Ends, keys: Keys, run: str, folders: Rooms) -> Door:
    mark = passes.mark(keys.component, run)

    def line(address: str, expiry: str) -> bytes:
        return passes.line(folders.public, mark, f"sh {folders.gate}/gate", expiry, address)

    keys.now = folders.now
    ssh = ssh_words(ends.target_endpoint, folders.inside)
    made = datetime.fromtimestamp(float(folders.clock), UTC)
    let = Pass(keys, line, folders.expiry)
    return Door(ends, keys, run, ssh, folders.inside, folders.gate, made, let)


def _close(ends: Ends, keys: Keys, leave: Callable[[], object]) -> None:
    """Remove the component's line and folders, of whatever run they are, and do `leave`.

    Folders that can't be removed stay until the next run: without the line they open nothing.
    """

    def clear() -> None:
        with suppress(OpsError):
            rooms.clear(ends, rooms.folder(ends, keys.component))

    at_once(lambda: keys.let(b""), clear, leave)
