"""Judge how a component's backups stand: last, next, age, proof; what is late. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Literal

from ops import quantities
from ops.inventory.schema import crontimes

Kind = Literal["snapshot", "archive"]
Health = Literal["good", "open", "bad"]
"""good: as declared; open: not due yet; bad: needs somebody."""

GRACE = timedelta(hours=1)
"""A scheduled run that has left nothing after this long did not happen, or did not end."""

LONG_AGO = datetime.fromtimestamp(0, UTC)
"""As `since` of what was always there to be backed up."""

COLUMNS = ("component", "kind", "last", "age", "objective", "next", "size", "level", "drill", "")


@dataclass(frozen=True)
class Proof:
    """The last drill, and the last one that proved a backup; moments as recorded."""

    tried: datetime | None = None
    verdict: str = ""
    proven: datetime | None = None


@dataclass(frozen=True)
class Known:
    """What the inventory declares and has recorded about one kind of backup of a component.

    `run` made the last backup, `newest_run` is the last one that tried; `since` is when there
    was first something to back up, None while there is nothing yet.
    """

    component: str
    kind: Kind
    schedule: str
    objective: int
    drill: int
    since: datetime | None = None
    last: datetime | None = None
    run: str = ""
    newest_run: str = ""
    complete: bool = True
    """All of it was made: of all instances or hosts, every file, and read back."""
    unsound: str = ""
    """What of the repository could not be read back, and since when."""
    level: str = ""
    size: int | None = None
    proof: Proof = Proof()
    uncopied: str = ""
    """The region where a copy of the last backup is declared and missing."""
    elsewhere: bool = False
    """Data Lifecycle Manager takes them: nothing of them is in the records."""
    lower: str = ""
    """The level that the last backup has instead of the declared one, and why."""
    unlisted: str = ""
    """Why the last backup has no manifest, so that no drill can prove it."""
    fault: str = ""
    """Why nothing is known: a file of the inventory that can't be read."""


@dataclass(frozen=True)
class Line:
    """One line of backup.status; `faults` say what is wrong, `open` what is only not due yet."""

    component: str
    kind: Kind
    health: Health
    last: str | None
    next: str | None
    age_seconds: int | None
    objective_seconds: int
    size_bytes: int | None
    level: str
    drill: str
    proven: str | None
    faults: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    def data(self) -> dict[str, object]:
        """Return the line as JSON data."""
        return asdict(self)

    def cells(self) -> tuple[object, ...]:
        """Return the cells of a table's row, in the order of COLUMNS."""
        return (
            self.component,
            self.kind,
            _short(self.last) or "never",
            "-" if self.age_seconds is None else quantities.span(self.age_seconds),
            quantities.span(self.objective_seconds),
            _short(self.next),
            "-" if self.size_bytes is None else quantities.size(self.size_bytes),
            self.level or "-",
            self.drill,
            "; ".join([f"! {fault}" for fault in self.faults] or self.open),
        )


def lines(known: Iterable[Known], now: datetime, zone: tzinfo) -> list[Line]:
    """Return a line a component and kind. `zone` is the one that the controller's cron runs in."""
    return [judge(one, now, zone) for one in known]


def judge(known: Known, now: datetime, zone: tzinfo) -> Line:
    """Return how one kind of backup of a component stands at the moment `now`."""
    if known.fault:
        return _line(known, now, zone, [known.fault], [])
    if known.elsewhere:
        return _line(known, now, zone, [], ["taken by Data Lifecycle Manager, not looked at"])
    if known.since is None:
        return _line(known, now, zone, [], ["nothing to back up yet"])
    faults = [*_late(known, now), *_missed(known, now, zone), *_failed(known)]
    if known.uncopied:
        faults.append(f"no copy in {known.uncopied}")
    if known.lower:
        faults.append(known.lower)
    proof, waiting = _unproven(known, now)
    if known.unlisted:
        waiting = [f"the last can't be proven, it has no manifest: {known.unlisted}", *waiting]
    if known.last is None and not faults:
        waiting = [f"none yet, due within {quantities.span(known.objective)}", *waiting]
    return _line(known, now, zone, [*faults, *proof], waiting)


def _line(known: Known, now: datetime, zone: tzinfo, faults: list[str], waiting: list[str]) -> Line:
    due = known.since and not known.fault and not known.elsewhere
    return Line(
        component=known.component,
        kind=known.kind,
        health="bad" if faults else "open" if waiting else "good",
        last=_iso(known.last),
        next=_iso(_after(known.schedule, now, zone)) if due else None,
        age_seconds=int((now - known.last).total_seconds()) if known.last else None,
        objective_seconds=known.objective,
        size_bytes=known.size,
        level=known.level,
        drill=_drill(known.proof, now),
        proven=_iso(known.proof.proven),
        faults=tuple(faults),
        open=tuple(waiting),
    )


def _late(known: Known, now: datetime) -> list[str]:
    since = known.last or known.since
    if since is None or now - since <= timedelta(seconds=known.objective):
        return []
    if known.last is None:
        return ["there is none"]
    return [f"older than {quantities.span(known.objective)}"]


def _missed(known: Known, now: datetime, zone: tzinfo) -> list[str]:
    scheduled = _before(known.schedule, now - GRACE, zone)
    begun = known.last or known.since
    if begun is None or begun >= scheduled or begun == LONG_AGO:
        return []
    return [f"did not run at {_short(_iso(scheduled))}"]


def _failed(known: Known) -> list[str]:
    """Return what went wrong in the last run, and what is wrong since an earlier one."""
    faults = []
    if known.newest_run and known.newest_run > known.run:
        faults.append(f"the last run left no backup: {known.newest_run}")
    elif not known.complete:
        faults.append(f"the last run is not complete: {known.run}")
    return faults + ([known.unsound] if known.unsound else [])


def _unproven(known: Known, now: datetime) -> tuple[list[str], list[str]]:
    """Return what is wrong with the proof, and what is only not due yet."""
    proof, limit = known.proof, timedelta(seconds=known.drill)
    if proof.verdict and proof.verdict != "proven":
        return [f"the last drill: {proof.verdict}"], []
    if proof.proven is None:
        due = known.since is not None and now - known.since > limit
        return (["never proven"], []) if due else ([], ["not proven yet"])
    if now - proof.proven > limit:
        return [f"not proven for {quantities.span((now - proof.proven).total_seconds())}"], []
    return [], []


def _drill(proof: Proof, now: datetime) -> str:
    if proof.tried is None:
        return "never"
    return f"{proof.verdict} {quantities.span((now - proof.tried).total_seconds())} ago"


@cache
def _after(schedule: str, now: datetime, zone: tzinfo) -> datetime:
    return crontimes.parse(schedule).after(now, zone)


@cache
def _before(schedule: str, now: datetime, zone: tzinfo) -> datetime:
    return crontimes.parse(schedule).before(now, zone)


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None


def _short(iso: str | None) -> str:
    return f"{iso[:10]} {iso[11:16]}Z" if iso else ""
