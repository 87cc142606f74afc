"""A database is moved: dumped on the source, moved as a file, loaded on the target, compared.

Hooks do what is particular to an engine; they are called as in ops.verify.databases. The dump
lies in a folder of root's on both hosts and goes with the run. What is loaded is compared with
what the source held just before the dump; tables that changed there since are told apart.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from ops.errors import OpsError
from ops.escapes import escape
from ops.inventory.repository import Repository
from ops.inventory.schema import DatabaseSet, FileSet, Hook, Place
from ops.migrate.both import at_once
from ops.migrate.engine import transfer
from ops.migrate.engine.ends import Ends
from ops.migrate.engine.growth import LIMIT
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.outcome import broken
from ops.migrate.hosts import Hosts
from ops.migrate.reporting.figures import KEPT, SetFigures, Verdict
from ops.remote.command import command, script
from ops.remote.errors import Unreachable
from ops.remote.host import Host
from ops.verify import databases as digests
from ops.verify import dump
from ops.verify.differences import Difference

_NOTHING = re.compile(
    r"does not exist|Unknown database|[Nn]o such (database|object)|it found no table"
)
"""What is said where the target has no such database yet, or nothing in it."""


class Stopped(OpsError):
    """The move of one database ended early; nothing was loaded unless it says so."""


@dataclass(frozen=True)
class Errand:
    """Which database of which component is moved in which run, how fast and in how many streams
    at most.
    """

    repo: Repository
    component: str
    run: str
    name: str
    data: DatabaseSet
    before: int = 0
    """Bytes of the last dump that was moved."""
    limit_mbit: int = 0
    streams: int = LIMIT

    def folder(self, side: str) -> str:
        """Return the folder of the dump; both hosts may be the same machine."""
        return f"{self.data.folder.rstrip('/')}/ops-dump.{self.component}.{self.name}.{side}"

    @property
    def files(self) -> FileSet:
        """Return the folders as a set of files, which is how the dump is moved."""
        return FileSet(
            kind="files",
            source=Place(host=self.data.source, root=self.folder("source")),
            target=Place(host=self.data.target, root=self.folder("target")),
        )

    def text(self, hook: Hook) -> str:
        """Return the text of a hook."""
        return self.repo.template(hook.script).read_text("utf-8")


def rows(repo: Repository, host: Host, data: DatabaseSet) -> int:
    """Return the rows that the target's database holds; none where there is no such database.

    Raise OpsError when its hook can't tell.
    """
    told = digests.asked(host, repo.template(data.digest.script).read_text("utf-8"), data.digest)
    unclear = [fault.reason for fault in told.faults if not _NOTHING.search(fault.reason)]
    if unclear:
        raise OpsError(
            f"{host.name}: {data.digest.script} can't tell what is there: {unclear[0]}",
            "Correct that; nothing was moved.",
        )
    return told.rows


def move(hosts: Hosts, errand: Errand, meter: Meter) -> SetFigures:
    """Move the database and return how that went; what goes wrong is told, not raised.

    Raise OpsError only for a door that does not open or a hook that is not there.
    """
    ends = hosts.ends(errand.files)
    work = _Work(ends, errand, meter)
    try:
        with _removed(ends, errand):
            work.carry_out()
    except Stopped as stopped:
        work.words, work.hint = stopped.message, stopped.hint
    except Unreachable as lost:
        work.words, work.hint = broken(lost).words, work.undone
    return work.figures


class _Work:
    """The move of one database: its parts one after the other, and what they found."""

    def __init__(self, ends: Ends, errand: Errand, meter: Meter) -> None:
        self.ends = ends
        self.errand = errand
        self.meter = meter
        self.moved: transfer.Moved | None = None
        self.verdict: Verdict = "incomplete"
        self.words = ""
        self.hint = ""
        self.undone = _DUMP
        self.size = 0
        self.tables: digests.Told | None = None
        self.different: list[Difference] = []
        self.changed: list[str] = []
        self._began = time.monotonic()
        self._started = datetime.now(UTC)
        self._ask = partial(
            digests.asked, text=errand.text(errand.data.digest), hook=errand.data.digest
        )

    def carry_out(self) -> None:
        """Dump, move, load and compare. Raise Stopped at the first part that fails."""
        self._enter("digest")
        self.tables = self._ask(self.ends.source)
        if self.tables.faults:
            reason = self.tables.faults[0].reason
            raise Stopped(f"the digest hook failed on the source: {reason}", "Correct that.")
        self._dump()
        self._move()
        self._load()
        self._compare(self.tables)

    def _enter(self, phase: str) -> None:
        self.meter.enter(self.errand.name, phase)

    def _dump(self) -> None:
        self._enter("dump")
        hook = self.errand.data.dump
        folder = self.errand.folder("source")
        _make(self.ends.source, folder, root=self.ends.source_root)
        words = (f"{folder}/dump", self.errand.text(hook), *hook.arguments)
        result = self.ends.source.run(script(dump.DUMP, *words, root=self.ends.source_root))
        found = dump.read(result.out, _last(result.err))
        if fault := dump.fault(found, self.errand.data.engine, before=self.errand.before):
            raise Stopped(f"{fault} ({hook.script})", _DUMP)
        self.size = found.size

    def _move(self) -> None:
        errand, ends = self.errand, self.ends
        _make(ends.target, errand.folder("target"), root=ends.target_root)
        templates = errand.repo.template_folders()
        asked = transfer.Errand(
            errand.component,
            errand.run,
            errand.name,
            errand.files,
            templates,
            errand.limit_mbit,
            errand.streams,
        )
        self.moved = transfer.move(ends, asked, self.meter)
        if self.moved.outcome.verdict != "done":
            raise Stopped(self.moved.outcome.words, self.moved.outcome.hint)

    def _load(self) -> None:
        self._enter("load")
        self.undone = _LOAD
        hook = self.errand.data.load
        file = f"{self.errand.folder('target')}/dump"
        words = (file, self.errand.text(hook), *hook.arguments)
        result = self.ends.target.run(
            script(dump.LOAD, *words, root=self.ends.target_root), check=False
        )
        if result.code:
            said = _last(result.err) or "it said nothing"
            raise Stopped(f"the load hook ended with {result.code}: {said} ({hook.script})", _LOAD)

    def _compare(self, ours: digests.Told) -> None:
        self._enter("compare")
        theirs = self._ask(self.ends.target)
        judged = digests.judgement(ours, theirs)
        if judged.verdict == "incomplete":
            raise Stopped(f"the digest hook failed on the target: {theirs.faults[0].reason}", _LOAD)
        if judged.differences:
            now = self._ask(self.ends.source).tables
            since = {
                name for name in {*ours.tables, *now} if ours.tables.get(name) != now.get(name)
            }
            self.changed = [escape(one.path) for one in judged.differences if one.path in since]
            self.different = [one for one in judged.differences if one.path not in since]
        self.verdict = "different" if self.different else "done"
        if self.different:
            named = ", ".join(f"{escape(one.path)} ({one.words})" for one in self.different[:5])
            self.words = f"{len(self.different)} tables are not as they were sent: {named}"
            self.hint = "Look at the load hook; then move it again."

    @property
    def figures(self) -> SetFigures:
        """Return the figures of the move."""
        errand, moved = self.errand, self.moved
        way = moved.way if moved else None
        totals = moved.outcome.totals if moved else None
        return SetFigures(
            errand.name,
            f"{errand.data.source}:{errand.data.engine} {errand.data.database}",
            f"{errand.data.target}:{errand.data.engine} {errand.data.database}",
            self.verdict,
            round(time.monotonic() - self._began, 2),
            1 if self.size else 0,
            self.size,
            totals.sent_files if totals else 0,
            totals.sent_bytes if totals else 0,
            totals.wire if totals else 0,
            self._started.isoformat() if moved else "",
            way.round_trip_ms if way else None,
            seen_from=way.address if way else "",
            words=self.words,
            hint=self.hint,
            failed_count=len(self.different),
            failed=tuple((escape(one.path), one.words) for one in self.different[:KEPT]),
            tables=len(self.tables.tables) if self.tables else None,
            rows=self.tables.rows if self.tables else None,
            changed=tuple(self.changed[:KEPT]),
            link_rate=moved.link_rate if moved else None,
        )


_FOLDER = "Make the data set's `folder` there, or name another one."
_DUMP = "Nothing was loaded. Correct the cause, and run it again."
_LOAD = "The target's database is not to be used. Correct the cause, and run it again."


def _make(host: Host, folder: str, *, root: bool) -> None:
    """Make a folder for a dump. Raise Stopped where it can't be made."""
    made = script('umask 077; rm -rf -- "$1" && mkdir -- "$1"', folder, root=root)
    result = host.run(made, check=False)
    if result.code:
        raise Stopped(f"no folder for the dump could be made: {_last(result.err)}", _FOLDER)


@contextmanager
def _removed(ends: Ends, errand: Errand) -> Iterator[None]:
    """Remove the dump from both hosts after the block, and what an earlier run left before it."""
    _remove(ends, errand)
    try:
        yield
    finally:
        with suppress(Unreachable):
            _remove(ends, errand)


def _remove(ends: Ends, errand: Errand) -> None:
    source, target = (command("rm", "-rf", "--", errand.folder(s)) for s in ("source", "target"))
    at_once(
        lambda: ends.source.run(replace(source, root=ends.source_root)),
        lambda: ends.target.run(replace(target, root=ends.target_root)),
    )


def _last(err: bytes) -> str:
    """Return the last line that was said; the ones before are often warnings."""
    lines = [line.strip() for line in err.decode("utf-8", "backslashreplace").splitlines()]
    return next(filter(None, reversed(lines)), "")
