"""The bulk of a data set: files that the target has not yet, sent by several streams at once.

What it leaves out or can't do, rsync does afterwards, which also proves and repairs the rest:
nothing depends on the streams but the speed. Only ranges of big files are not to be sent twice.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ops.inventory.schema import FileSet
from ops.migrate.engine import landing, packing, streams
from ops.migrate.engine.door import Door, Ends
from ops.migrate.engine.growth import FIRST, LIMIT, Growth
from ops.migrate.engine.lanes import Lanes
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.packing import Packing
from ops.migrate.engine.rsync import Totals
from ops.migrate.engine.shards import Range, Sharing, Task
from ops.migrate.engine.slowest import Slowest
from ops.migrate.engine.streams import Done, Told
from ops.remote.command import Command, script
from ops.remote.host import Running

WORTH = 4_000_000
"""Bytes to send, each file counting some more, from which on the streams pay."""

TRIES = 4
"""How often a range is sent before the run gives up."""

_LOST = 255
_GAPS = 24
_SILENCE = 45.0

_LOOK = """
cd -- "$1" && for big in big.*; do
    [ -f "$big" ] && stat -L -c '%n %s %.9Y %i' -- "$big"
done
true
"""


@dataclass
class Bulk:
    """The streams of one data set; `broke` tells why they could not end their work.

    `clean` says that nothing went wrong, so that all files are there with all that belongs to
    them, but for the big ones, which have their content only. `limit` are the streams at most.
    """

    ends: Ends
    door: Door
    data: FileSet
    run: str
    meter: Meter
    limit: int = LIMIT
    rate: float | None = None
    """Bytes a second that the probe has seen."""
    files: int = 0
    bytes: int = 0
    broke: str = ""
    clean: bool = True
    _told: Told = field(default_factory=Told)
    _lanes: Lanes = field(default_factory=Lanes)
    _left: dict[int, Task] = field(default_factory=dict)
    _tries: dict[int, int] = field(default_factory=dict)
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
        """Open the first streams and keep them open in the block."""
        as_root = self.ends.source_root
        source, inside = self.ends.source, self.door.inside
        self._growth.limit = self.limit
        self._growth.streams = min(FIRST, self.limit)
        source.run(streams.prepare(inside, self._growth.streams, as_root=as_root))
        asked = streams.serve(inside, self.data.source.root, self.door.ssh, as_root=as_root)
        with source.start(asked) as running:
            yield running

    def ask(self, sharing: Sharing) -> None:
        """Queue the files; streams that are open begin with them."""
        root = self.data.target.root
        done = landing.ranges(self.ends, root) if sharing.bigs else frozenset()
        self._packing = packing.chosen(self.ends, self.data, sharing)
        tasks = sharing.tasks(2 * FIRST, done)
        self._left = dict(enumerate(tasks, 1))
        self._ask(self._left)

    def send(self, running: Running, sharing: Sharing, round_trip: float) -> None:
        """Follow what was asked; see `files`, `bytes` and `broke` for how far that got."""
        opened = self.opened
        if (wanted := self._growth.begin(self.rate or 0.0, round_trip)) > opened:
            self._tell(streams.want(self.door.inside, wanted, as_root=self.ends.source_root))
        self._follow(running)
        if not self.broke:
            self.idle()
        if sharing.bigs:
            self._finish(sharing)

    def _ask(self, tasks: dict[int, Task]) -> None:
        inside, root = self.door.inside, self.data.source.root
        told = [(number, task, self._packing.of(task)) for number, task in tasks.items()]
        self._tell(streams.queue(inside, root, told, as_root=self.ends.source_root))

    def _tell(self, asked: Command) -> None:
        self.ends.source.run(asked)

    def _follow(self, running: Running) -> None:
        growth, wanted = self._growth, self._growth.streams
        growth.start(time.monotonic())
        heard = time.monotonic()
        while self._left and not self.broke:
            chunk = running.read(1.0)
            now = time.monotonic()
            if chunk == b"" or now - heard > _SILENCE:
                self.broke = "the streams on the source have ended"
                return
            heard = now if chunk else heard
            for done in self._told.feed(chunk or b""):
                self._take(done)
            self.slowest.began(list(self._told.sent), now)
            moved = self.bytes + sum(self._told.sent.values())
            self.meter.at(moved, self.files, self._lanes, self._told.sent)
            if (
                len(self._left) > 2 * wanted
                and growth.look(now, moved, self.meter.busiest) > wanted
            ):
                wanted = growth.streams
                self._tell(streams.want(self.door.inside, wanted, as_root=self.ends.source_root))

    def _take(self, done: Done) -> None:
        task = self._left.pop(done.number, None)
        if task is None:
            return
        self.clean = self.clean and done.code == 0
        self.slowest.ended(done.lane, task, time.monotonic())
        if done.code in (0, _GAPS):
            self._lanes.sent(done.lane, task.size, task.files)
            self.bytes += task.size
            self.files += task.files
        elif isinstance(task, Range) and done.code == _LOST:
            self._again(done, task)
        elif isinstance(task, Range):
            self._given_up.add(task.big.key)

    def _again(self, done: Done, task: Range) -> None:
        self._lanes.lost(done.lane)
        self._tries[done.number] = self._tries.get(done.number, 0) + 1
        if self._tries[done.number] >= TRIES:
            self.broke = f"a stream broke off: {done.said}" if done.said else "a stream broke off"
        else:
            self._left[done.number] = task
            self._ask({done.number: task})

    def _finish(self, sharing: Sharing) -> None:
        """Give the big files that are whole, and still the same, their names."""
        if self.broke:
            return
        look = script(_LOOK, self.door.inside, root=self.ends.source_root)
        now = {tuple(line.split()) for line in self.ends.source.run(look).out.decode().splitlines()}
        whole = [
            big
            for big in sharing.bigs
            if big.key not in self._given_up
            and (f"big.{big.key}", str(big.size), _nine(big.modified), big.inode) in now
        ]
        landing.place(self.ends, self.data.target.root, self.run, whole)
        self.files += len(whole)
        self.clean = self.clean and len(whole) == len(sharing.bigs)


def is_worth(sharing: Sharing) -> bool:
    """Return whether streams move this faster than one rsync."""
    return sharing.size + 16_384 * sharing.files >= WORTH


def _nine(modified: str) -> str:
    """Return the time with nine decimals, as stat tells it; find tells ten."""
    return re.sub(r"\.(\d{9})\d*\Z", r".\1", modified)
