"""The verification of a component: both sides scanned side by side, compared, recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ops import run
from ops.errors import OpsError, UsageError
from ops.inventory.problems import nearest
from ops.inventory.schema import FileSet, Place, State, TransferState, VerificationState
from ops.remote.fanout import each
from ops.remote.host import Host
from ops.verify import clock, manifest
from ops.verify.compare import compare
from ops.verify.scan import Progress, Scan, Tree, may_be_root, scan, unheard
from ops.verify.verdict import Judgement, Verdict, judge

if TYPE_CHECKING:
    from ops.inventory.repository import Repository
    from ops.inventory.schema import Component

SIDES = ("source", "target")

Bars = Callable[[str], Progress]
"""Returns what hears of the progress of a scan, by the scan's name."""


@dataclass(frozen=True)
class Outcome:
    """What became of one data set."""

    name: str
    judgement: Judgement
    as_of: datetime
    seconds: float


def candidates(
    components: Mapping[str, Component], states: Mapping[str, State]
) -> tuple[list[str], dict[str, str]]:
    """Return the components with something to verify, and why the others have nothing."""
    reasons = {name: _hindrance(components[name], states[name]) for name in sorted(components)}
    return [n for n, why in reasons.items() if not why], {n: w for n, w in reasons.items() if w}


def chosen(name: str, component: Component, state: State, data: str = "") -> list[str]:
    """Return the data sets to verify: those moved before, or `data` alone.

    Raise UsageError for an unknown data set, OpsError when none was ever moved.
    """
    if data and data not in component.data:
        raise UsageError(f"{name} has no data set {data}{nearest(data, list(component.data))}")
    if data and data not in state.transfers:
        raise OpsError(f"{name}/{data} was never moved", _move_first(name))
    if why := _hindrance(component, state):
        raise OpsError(f"{name} {why}", _move_first(name))
    return [data] if data else sorted(set(component.data) & set(state.transfers))


def verify(
    repo: Repository, name: str, *, data: str = "", bars: Bars | None = None
) -> tuple[str, list[Outcome]]:
    """Verify a component's data sets, record the run, and return its id and the outcomes.

    Raise OpsError when a host can't be reached or a root is not there; nothing is decided then.
    """
    component = repo.component(name)
    sets = chosen(name, component, repo.state(name), data)
    arguments = {"data": data} if data else {}
    with run.begin(repo, "verify.checksums", name, arguments) as course, ExitStack() as stack:
        hosts = _Hosts(repo, name, stack)
        outcomes = []
        for chosen_set in sets:
            declared = component.data[chosen_set]
            if not isinstance(declared, FileSet):
                continue
            work = _Work(course, hosts, chosen_set, declared, course.state.transfers[chosen_set])
            outcomes.append(work.done(bars or (lambda _: unheard)))
        _conclude(course, component, outcomes)
    return course.id, outcomes


class _Hosts:
    """Connections to a component's hosts, each made once."""

    def __init__(self, repo: Repository, component: str, stack: ExitStack) -> None:
        self._repo = repo
        self._component = component
        self._stack = stack
        self._known: dict[tuple[str, str], Host] = {}

    def get(self, side: str, slot: str) -> Host:
        if (side, slot) not in self._known:
            there: run.Side = "campus" if side == "source" else "cloud"
            host = run.host(self._repo, self._component, there, slot)
            self._known[side, slot] = self._stack.enter_context(host)
        return self._known[side, slot]


@dataclass
class _Work:
    """One data set of files."""

    course: run.Run
    hosts: _Hosts
    name: str
    declared: FileSet
    moved: TransferState

    def done(self, bars: Bars) -> Outcome:
        places = {"source": self.declared.source, "target": self.declared.target}
        hosts = {side: self.hosts.get(side, places[side].host) for side in SIDES}
        offset = clock.measure(hosts["source"])
        began = datetime.now(UTC)
        outcomes = each(
            SIDES,
            lambda side: self._scanned(
                side, hosts[side], places[side], bars(f"{self.name} {side}")
            ),
        )
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        scans = {outcome.item: outcome.value for outcome in outcomes if outcome.value}
        judgement = self._judged(scans["source"], scans["target"], offset)
        seconds = (datetime.now(UTC) - began).total_seconds()
        self._tell(scans, judgement, offset, seconds)
        return Outcome(self.name, judgement, self.moved.started, seconds)

    def _scanned(self, side: str, host: Host, place: Place, bar: Progress) -> Scan:
        tree = Tree(
            place.root,
            tuple(self.declared.exclude),
            place.mount or "",
            self.declared.cross_mounts,
            may_be_root(host),
        )
        result = scan(host, tree, progress=bar)
        manifest.write(self._path(side), result.draft, result.digests)
        return result

    def _judged(self, source: Scan, target: Scan, offset: clock.Offset) -> Judgement:
        comparison = compare(self._path("source"), self._path("target"))
        judgement = judge(
            comparison,
            source.faults,
            target.faults,
            ctimes=source.look.ctimes(),
            since=offset.on_host(self.moved.started.timestamp()),
        )
        differing = {d.path for d in (*judgement.differences, *judgement.changed_since)}
        judgement.bytes = source.size_without(differing)
        return judgement

    def _tell(
        self, scans: Mapping[str, Scan], judgement: Judgement, offset: clock.Offset, seconds: float
    ) -> None:
        for side in SIDES:
            self.course.attach(self._path(side))
            self.course.attach(manifest.beside(self._path(side), manifest.MTREE))
        self.course.figure(
            self.name,
            {
                "verdict": judgement.verdict,
                "as_of": self.moved.started.isoformat(),
                "transfer": self.moved.run,
                "files": judgement.files,
                "bytes": judgement.bytes,
                **judgement.counts,
                "seconds": round(seconds, 3),
                "clock_offset": round(offset.seconds, 3),
                **{f"{side}_files": scans[side].files for side in SIDES},
                **{f"{side}_bytes": scans[side].size for side in SIDES},
            },
        )

    def _path(self, side: str) -> Path:
        return self.course.directory / f"{self.name}.{side}.md5"


def _conclude(course: run.Run, component: Component, outcomes: list[Outcome]) -> None:
    """Make the run's verdict that of its worst data set, and observe the new state."""
    course.verdict = overall([outcome.judgement.verdict for outcome in outcomes])
    at = datetime.now(UTC)
    new = {
        outcome.name: VerificationState(
            run=course.id,
            at=at,
            verdict=outcome.judgement.verdict,
            files=outcome.judgement.files,
            bytes=outcome.judgement.bytes,
        )
        for outcome in outcomes
    }
    known = {**course.state.verifications, **new}
    course.observe(
        course.state.model_copy(
            update={"verifications": known, "phase": phase(component, course.state, known)}
        )
    )


def overall(verdicts: list[Verdict]) -> Verdict:
    """Return the verdict that stands for several, the worst."""
    order: tuple[Verdict, ...] = ("different", "incomplete", "same-as-of", "same")
    return next((verdict for verdict in order if verdict in verdicts), "same")


def phase(component: Component, state: State, known: Mapping[str, VerificationState]) -> str:
    """Return the phase after a verification: verified only when all data sets are the same."""
    if state.phase not in ("declared", "provisioned", "rehearsed", "verified"):
        return state.phase
    good = all(name in known and known[name].verdict.startswith("same") for name in component.data)
    if good:
        return "verified"
    return "rehearsed" if state.phase == "verified" else state.phase


def _hindrance(component: Component, state: State) -> str:
    if not component.data:
        return "has no data sets"
    if not set(component.data) & set(state.transfers):
        return "has no recorded transfer"
    return ""


def _move_first(name: str) -> str:
    return f"Move it first: fab migrate.metered app={name}"
