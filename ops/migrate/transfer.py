"""One data set is moved: the source's rsync is started, followed, and its end judged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.inventory.patterns import Excludes
from ops.inventory.schema import FileSet
from ops.migrate import door, rsync
from ops.migrate.meter import Meter
from ops.migrate.outcome import BUSY, GO_ON, Outcome, judged
from ops.remote.command import Command, command, script
from ops.remote.errors import Unreachable
from ops.remote.host import Host

# Parts of files that are gone from the source; the folders around them keep their time.
_TIDY = """
cd -- "$1" && exec find . -xdev -type d -name "$2" -prune -exec sh -c '
    for part; do
        time=$(stat -c %y -- "${part%/*}")
        rm -rf -- "$part"
        touch -m -d "$time" -- "${part%/*}"
    done
' ops {} +
"""


@dataclass(frozen=True)
class Errand:
    """Who moves what: component, run, data set, where templates are, and how fast at most."""

    component: str
    run: str
    name: str
    data: FileSet
    templates: Sequence[Path]
    limit_mbit: int = 0


@dataclass(frozen=True)
class Moved:
    """How the move of a data set went; without a `way` it was not begun."""

    outcome: Outcome
    seconds: float
    way: door.Way | None = None


def move(ends: door.Ends, errand: Errand, meter: Meter) -> Moved:
    """Move the data set and return how it went; the target's root must be there.

    Files that could not be moved and broken connections are told in the outcome. Raise
    OpsError for a door that does not open, HostKeyRefused among them.
    """
    began = time.monotonic()
    meter.enter(errand.name, "connect")
    try:
        outcome, way = _moved(ends, errand, meter)
    except door.Busy:
        outcome, way = judged(BUSY, rsync.Totals(), rsync.Complaints(), ()), None
    return Moved(outcome, time.monotonic() - began, way)


def _moved(ends: door.Ends, errand: Errand, meter: Meter) -> tuple[Outcome, door.Way]:
    root = errand.data.target.root
    opened = door.opened(ends, errand.component, errand.run, root, errand.templates)
    with opened as way:
        meter.load_of(ends.source, ends.target)
        meter.enter(errand.name, "transfer")
        outcome = _stream(ends, way, errand, meter)
        meter.load_of(None, None)
        meter.enter(errand.name, "tidy")
        if outcome.verdict == "done":
            ends.target.run(script(_TIDY, root, rsync.PARTIAL, root=ends.target_root))
    return outcome, way


def _stream(ends: door.Ends, way: door.Way, errand: Errand, meter: Meter) -> Outcome:
    data = errand.data
    words = rsync.send(
        data.source.root,
        way.ssh,
        Excludes(data.exclude).rsync_arguments(),
        cross_mounts=data.cross_mounts,
        limit_mbit=errand.limit_mbit,
    )
    output = rsync.Output()
    asked = command(*words, root=ends.source_root, env={"LC_ALL": "C"})
    try:
        code, said = _followed(ends.source, asked, output, meter)
    except Unreachable as lost:
        broke = f"the connection to the source broke: {lost.message}"
        return Outcome("incomplete", output.totals(), words=broke, hint=GO_ON)
    totals = output.totals()
    meter.at(max(output.bytes, totals.sent_bytes), max(output.sent, totals.sent_files))
    return judged(code, totals, said, (data.source.root, data.target.root))


def _followed(
    source: Host, asked: Command, output: rsync.Output, meter: Meter
) -> tuple[int, rsync.Complaints]:
    """Run rsync to its end and tell the meter how far it is; return its code and complaints."""
    with source.start(asked) as running:
        while (chunk := running.read(1.0)) != b"":
            output.feed(chunk or b"")
            meter.at(output.bytes, output.sent)
        return running.wait(rsync.SILENCE), rsync.complaints(running.err)
