"""The bulk of a data set: files that the target has not yet, sent by several streams at once.

What it leaves out or can't do, rsync does afterwards. Where the target held nothing, and nothing
went wrong, rsync is told to look at folders, links and big files only: so what goes wrong, at
either end, has to be heard of here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from ops.inventory.schema import FileSet
from ops.migrate.engine import landing, packing, streams
from ops.migrate.engine.door import Door
from ops.migrate.engine.ends import Ends
from ops.migrate.engine.growth import FIRST, LIMIT, Growth
from ops.migrate.engine.lanes import Lanes
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.outcome import FULL, FULL_DISK, GO_ON, SHORT
from ops.migrate.engine.packing import Packing
from ops.migrate.engine.rsync import Totals
from ops.migrate.engine.shards import Big, Range, Sharing, Task
from ops.migrate.engine.slowest import Slowest
from ops.migrate.engine.told import Done, Told
from ops.remote.command import Command, script
from ops.remote.errors import TimedOut
from ops.remote.host import Running

WORTH = 4_000_000
"""Bytes to send, each file counting some more, from which on the streams pay."""

TRIES = 4
"""How often a task is sent before the run gives up, and each lane in a row."""

STALLED = 90.0
"""Seconds without a byte sent or a task ended after which the run gives up."""

SOON = 1.0
"""Seconds left to the end at which what comes after the streams is got ready."""

_GAPS = 24
_BROKEN = (SHORT, 137, 143, 255)
"""Codes of tasks worth another try: ended early, or by a signal, or their connection was."""

_SILENCE = 45.0

_LOOK = """
cd -- "$1" && for big in big.*; do
    [ -f "$big" ] && stat -L -c '%n %s %.9Y %.9Z %i' -- "$big"
done
true
"""


@dataclass
class Bulk:
    """The streams of one data set; `broke` tells why they could not end their work.

    `hint` tells what to do then. `clean` says that nothing went wrong, so that all files are
    there with all that belongs to them, but for the big ones, which have their content only.
    `limit` are the streams at most.
    """

    ends: Ends
    door: Door
    data: FileSet
    name: str
    run: str
    meter: Meter
    limit: int = LIMIT
    rate: float | None = None
    """Bytes a second that the probe has seen."""
    files: int = 0
    bytes: int = 0
    broke: str = ""
    hint: str = GO_ON
    clean: bool = True
    _told: Told = field(default_factory=Told)
    _asked: int = 0
    _lanes: Lanes = field(default_factory=Lanes)
    _left: dict[int, Task] = field(default_factory=dict)
    _tries: dict[int, int] = field(default_factory=dict)
    _lost: int = 0
    slowest: Slowest = field(default_factory=Slowest)
    _growth: Growth = field(default_factory=Growth)
    _packing: Packing = field(default_factory=Packing)
    _given_up: set[str] = field(default_factory=set)

    @property
    def totals(self) -> Totals:
        """Return what was sent, as rsync would have counted it."""
        size = self.bytes
        return Totals(sent_files=self.files, sent_bytes=size, literal=size, wire=size)

    @property
    def opened(self) -> int:
        """Return how many connections are open, or on their way."""
        return self._growth.streams

    def idle(self) -> None:
        """End the lanes: there is nothing for them."""
        self._tell(streams.stop(self.door.inside, as_root=self.ends.source_root))

    @property
    def asked(self) -> int:
        """Return the bytes that are queued and not sent yet."""
        return sum(task.size for task in self._left.values())

    @property
    def link_rate(self) -> float | None:
        """Return the bytes a second that the link carries, as probed, None where it was not.

        Where the streams have carried more since, it is that.
        """
        return max(self.rate, self._growth.best) if self.rate else None

    @contextmanager
    def serving(self) -> Iterator[Running]:
        """Keep streams open in the block, once `connect` was called."""
        asked = streams.serve(
            self.door.inside,
            self.data.source.root,
            self.door.ssh,
            as_root=self.ends.source_root,
        )
        with self.ends.source.start(asked) as running:
            yield running

    def connect(self) -> None:
        """Open the first streams; the door has to hang."""
        self._growth.limit = self.limit
        self._growth.streams = min(FIRST, self.limit)
        self._want(self._growth.streams)

    def ask(self, sharing: Sharing, *, left: bool) -> None:
        """Queue the files, but ranges that are `left` from earlier; open streams begin at once."""
        where = self.ends, self.data.target.root, self.run
        done = landing.ranges(*where, sharing.bigs) if left else frozenset()
        self._packing = packing.chosen(self.ends, self.data, sharing)
        self._ask(sharing.tasks(2 * FIRST, done), sharing.bigs)

    def send(
        self, running: Running, sharing: Sharing, round_trip: float, soon: Callable[[], object]
    ) -> None:
        """Follow what was asked; see `files`, `bytes` and `broke` for how far that got.

        Call `soon`, more than once, when SOON is left to the end.
        """
        opened = self.opened
        if (wanted := self._growth.begin(self.rate or 0.0, round_trip)) > opened:
            self._want(wanted)
        self._follow(running, soon)
        if sharing.bigs:
            self._finish(sharing)

    def _ask(self, tasks: Sequence[Task], bigs: Iterable[Big] = ()) -> None:
        """Queue the tasks under new numbers: who was at an old one may still be."""
        inside, root = self.door.inside, self.data.source.root
        numbered = dict(enumerate(tasks, self._asked + 1))
        self._asked += len(tasks)
        self._left |= numbered
        told = [(number, task, self._packing.of(task)) for number, task in numbered.items()]
        self._tell(streams.queue(inside, root, told, bigs, as_root=self.ends.source_root))

    def _want(self, count: int) -> None:
        """Ask for so many streams."""
        self._tell(streams.want(self.door.inside, count, as_root=self.ends.source_root))

    def _tell(self, asked: Command) -> None:
        self.ends.source.run(asked)

    def _follow(self, running: Running, soon: Callable[[], object]) -> None:
        heard = went_on = began = time.monotonic()
        self._growth.start(began)
        furthest = -1
        while self._left and not self.broke:
            chunk = running.read(1.0)
            now = time.monotonic()
            heard = now if chunk else heard
            if chunk == b"" or now - heard > _SILENCE:
                with suppress(TimedOut):  # Unreachable where it is the connection that has ended
                    running.wait(1)
                self.broke = "the streams on the source have ended"
                return
            ended = self._told.feed(chunk or b"")
            for done in ended:
                self._take(done)
            moved = self._moved(now)
            if ended or moved > furthest:
                furthest, went_on = moved, now
            elif now - went_on > STALLED:
                self.broke = f"nothing has been sent for {STALLED:.0f} s"
            if self._ends_soon(moved, now - began):
                soon()
            self._grow(now, moved)

    def _ends_soon(self, moved: int, taken: float) -> bool:
        """Return whether all tasks are out, and what is left of them takes SOON at the most."""
        if len(self._left) > self._growth.streams * len(streams.LANES.split()):
            return False
        left = self.asked - sum(self._told.sent.values())
        return left * taken <= SOON * moved

    def _moved(self, now: float) -> int:
        """Return the bytes sent so far, and tell the meter."""
        self.slowest.began(list(self._told.sent), now)
        moved = self.bytes + sum(self._told.sent.values())
        self.meter.at(moved, self.files, self._lanes, self._told.sent)
        return moved

    def _grow(self, now: float, moved: int) -> None:
        """Ask for more streams where they pay."""
        wanted = self._growth.streams
        if len(self._left) > 2 * wanted:
            streams_now = self._growth.look(now, moved, self.meter.busiest)
            if streams_now > wanted:
                self._want(streams_now)

    def _take(self, done: Done) -> None:
        task = self._left.pop(done.number, None)
        if task is None:
            return
        self.slowest.ended(done.lane, task, time.monotonic())
        if done.code in _BROKEN and self._again(done, task):
            return
        self.clean = self.clean and done.code == 0
        if done.code in (0, _GAPS):
            self._lost = 0
            self._lanes.sent(done.lane, task.size, task.files)
            self.bytes += task.size
            self.files += task.files
        elif done.code == FULL:
            self.broke, self.hint = FULL_DISK
        elif isinstance(task, Range):
            self._given_up.add(task.big.key)

    def _again(self, done: Done, task: Task) -> bool:
        """Queue the task once more; return whether that was done. See `broke` else.

        A file that stays too short has shrunk: it alone is left to rsync.
        """
        tries = self._tries.pop(done.number, 0) + 1
        self._lanes.lost(done.lane)
        self._lost += done.code != SHORT
        in_all = TRIES * self._growth.streams * len(streams.LANES.split())
        if done.code != SHORT and (tries >= TRIES or self._lost >= in_all):
            self.broke = f"a stream broke off: {done.said}" if done.said else "a stream broke off"
        elif tries < TRIES:
            self._ask([task])
            self._tries[self._asked] = tries
        return tries < TRIES

    def _finish(self, sharing: Sharing) -> None:
        """Give the big files that are whole, and still the same, their names."""
        if self.broke:
            return
        look = script(_LOOK, self.door.inside, root=self.ends.source_root)
        now = {tuple(line.split()) for line in self.ends.source.run(look).out.decode().splitlines()}
        same = [
            big
            for big in sharing.bigs
            if big.key not in self._given_up
            and (
                f"big.{big.key}",
                str(big.size),
                *map(_nine, (big.modified, big.changed)),
                big.inode,
            )
            in now
        ]
        placed = landing.place(self.ends, self.data.target.root, self.run, same)
        self.files += len(placed)
        self.clean = self.clean and len(placed) == len(sharing.bigs)


def is_worth(sharing: Sharing) -> bool:
    """Return whether streams move this faster than one rsync."""
    return sharing.size + 16_384 * sharing.files >= WORTH


def _nine(modified: str) -> str:
    """Return the time with nine decimals, as stat tells it; find tells ten."""
    return re.sub(r"\.(\d{9})\d*\Z", r".\1", modified)
