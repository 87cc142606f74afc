"""One data set is moved: by streams what is new, then by rsync, whose end is judged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from ops.errors import OpsError
from ops.inventory.schema import FileSet
from ops.migrate.both import at_once
from ops.migrate.engine import door, landing, probe, rsync, scan
from ops.migrate.engine.bulk import Bulk, is_worth
from ops.migrate.engine.ends import Busy, Ends
from ops.migrate.engine.growth import LIMIT
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.outcome import BUSY, Outcome, broken, judged
from ops.migrate.engine.rest import Rest
from ops.migrate.engine.shards import Sharing
from ops.remote.errors import Unreachable
from ops.remote.host import Running

MUCH = 250_000_000
"""Bytes to send from which on the probe's end is waited for; it is over within a second."""


@dataclass(frozen=True)
class Errand:
    """Who moves what: component, run, data set, where templates are; how fast at most, in how
    many streams at most.
    """

    component: str
    run: str
    name: str
    data: FileSet
    templates: Sequence[Path]
    limit_mbit: int = 0
    streams: int = LIMIT


@dataclass(frozen=True)
class Moved:
    """How the move of a data set went; without a `way` it was not begun, or broke as it began.

    `link_rate` are the bytes a second that the link carries, as probed, None where it was not.
    `sizes` and `slowest` are as SetFigures has them.
    """

    outcome: Outcome
    seconds: float
    way: door.Way | None = None
    link_rate: float | None = None
    sizes: tuple[tuple[int, int, int], ...] = ()
    slowest: tuple[tuple[str, int, float], ...] = ()


def move(ends: Ends, errand: Errand, meter: Meter) -> Moved:
    """Move the data set and return how it went; the target's root must be there.

    Files that could not be moved and broken connections are told in the outcome. Raise
    OpsError for a door that does not open, HostKeyRefused and NoWay among them.
    """
    began = time.monotonic()
    meter.enter(errand.name, "connect")
    try:
        moved = _moved(ends, errand, meter)
    except Busy:
        moved = Moved(judged(BUSY, rsync.Totals(), rsync.Complaints(), ()), 0)
    except Unreachable as lost:
        moved = Moved(broken(lost), 0)
    return replace(moved, seconds=time.monotonic() - began)


def again(ends: Ends, errand: Errand, meter: Meter, before: Moved) -> Moved:
    """Move the data set once more, after the cause of what failed `before` is gone.

    Return how both moves went together.
    """
    after = move(ends, errand, meter)
    totals = joined(after.outcome.totals, before.outcome.totals)
    seconds = before.seconds + after.seconds
    return replace(before, outcome=replace(after.outcome, totals=totals), seconds=seconds)


def _moved(ends: Ends, errand: Errand, meter: Meter) -> Moved:
    root = errand.data.target.root
    complete = Event()

    def leave() -> None:
        # What stays the next run removes: that is no reason to hide how this one went.
        with suppress(OpsError):
            landing.end(ends, root, errand.run, complete=complete.is_set())

    made = door.made(ends, errand.component, errand.run, root, errand.templates, leave=leave)
    with made as entry:
        try:
            there = ends.target_endpoint
            address = f"[{there.address}]" if ":" in there.address else there.address
            meter.load_of(ends.source, ends.target, f"{address}:{there.port}")
            moved = _filled(ends, entry, errand, meter)
            if moved.outcome.verdict == "done":
                complete.set()
        finally:
            meter.load_of(None, None)
            meter.enter(errand.name, "tidy")
    return moved


def _filled(ends: Ends, entry: door.Door, errand: Errand, meter: Meter) -> Moved:
    """Send what is new by streams, and then let rsync do the rest and prove it all."""
    root = errand.data.target.root
    if errand.limit_mbit or errand.data.cross_mounts:
        entry.hang()
        way, _ = at_once(entry.knock, lambda: landing.begin(ends, root, errand.run))
        meter.enter(errand.name, "transfer")
        rest = Rest(ends, way, errand.data, meter, errand.limit_mbit)
        return Moved(rest.all(), 0, way)
    bulk = Bulk(ends, entry, errand.data, errand.name, errand.run, meter, errand.streams)
    with bulk.serving() as running, closing(scan.Acls(ends, errand.data)) as acls:
        entry.hang()
        bulk.connect()
        probed, little = Event(), Event()
        way, sharing = at_once(
            lambda: _probed(errand, bulk, probed, little),
            lambda: _begun(errand, bulk, acls, probed, little),
        )
        meter.expect(bulk.asked if is_worth(sharing) else sharing.size, sharing.files)
        meter.enter(errand.name, "transfer")
        with closing(Rest(ends, way, errand.data, meter, beside=True)) as rest:
            outcome = _sent(rest, bulk, acls, running=running, sharing=sharing)
    slowest = bulk.slowest.told()
    return Moved(outcome, 0, way, bulk.link_rate, sharing.classes, slowest)


def _sent(
    rest: Rest, bulk: Bulk, acls: scan.Acls, *, running: Running, sharing: Sharing
) -> Outcome:
    """Send the bulk of it, then the rest."""
    if not is_worth(sharing):
        return rest.all()

    left = sharing.unfinished()

    def soon() -> None:
        if bulk.clean and acls.looked and acls.none():
            rest.wait(left)

    try:
        bulk.send(running, sharing, rest.way.round_trip or 0.0, soon)
    except Unreachable as lost:
        bulk.broke = f"the connection to the source broke: {lost.message}"
    if bulk.broke:
        return Outcome("incomplete", bulk.totals, words=bulk.broke, hint=bulk.hint)
    bulk.meter.enter(bulk.name, "verify")
    rest.sent = bulk.totals
    if not (bulk.files and bulk.clean and acls.none()):
        outcome = rest.all()
        return replace(outcome, totals=joined(outcome.totals, bulk.totals))
    outcome = rest.only(left)
    whole = {"entries": sharing.entries, "files": sharing.files, "bytes": sharing.sizes}
    return replace(outcome, totals=replace(joined(outcome.totals, bulk.totals), **whole))


def _probed(errand: Errand, bulk: Bulk, probed: Event, little: Event) -> door.Way:
    """Open the door and probe what the link carries; set `probed` when that is over.

    When there is `little` to send, as far as is known by then, the link is better used for it.
    """
    ends, entry = bulk.ends, bulk.door
    try:
        way = entry.knock()
        if little.is_set():
            return way
        bulk.meter.enter(errand.name, "probe")
        bulk.rate = probe.measured(ends.source, way, bulk.opened, as_root=ends.source_root)
    finally:
        probed.set()
    return way


def _begun(errand: Errand, bulk: Bulk, acls: scan.Acls, probed: Event, little: Event) -> Sharing:
    """List both sides and queue what is to be sent, while the connections are being made.

    Little is sent at once, which ends the probe; much only after it. Before the knock is
    answered nothing could be sent anyway.
    """
    left = landing.begin(bulk.ends, errand.data.target.root, errand.run)
    sharing = scan.missing(bulk.ends, errand.data)
    if sharing.size <= MUCH:
        little.set()
    if not is_worth(sharing):
        bulk.idle()
        return sharing
    if sharing.size > MUCH:
        probed.wait()
    bulk.ask(sharing, left=left)
    if sharing.plain:
        acls.look()
    return sharing


def joined(last: rsync.Totals, before: rsync.Totals) -> rsync.Totals:
    """Return what was sent in all: before, and by the last rsync, which counted the whole set."""
    sent = ("sent_files", "sent_bytes", "literal", "wire")
    return replace(last, **{name: getattr(last, name) + getattr(before, name) for name in sent})
