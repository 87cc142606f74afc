"""A folder is copied between any two hosts, with the same engine, meter and report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256

from ops import quantities, run
from ops.errors import Incomplete, Refused
from ops.inventory import files
from ops.inventory.repository import Repository
from ops.inventory.schema import FileSet
from ops.migrate import look
from ops.migrate import plan as planning
from ops.migrate.engine import transfer
from ops.migrate.engine.ends import Ends
from ops.migrate.engine.meter import Meter
from ops.migrate.places import Place, place
from ops.migrate.reporting import figures, report
from ops.migrate.shown import Bars, Shown
from ops.plan import Plan, Step
from ops.remote.command import command
from ops.remote.connection import connect

TASK = "migrate.copy"

DATA = "copy"
"""What the one data set of a copy is called."""


@dataclass(frozen=True)
class Copy:
    """What goes where; `name` stands for these two places."""

    source: Place
    target: Place
    data: FileSet

    @property
    def name(self) -> str:
        """Return a name that no component and no other pair of places has."""
        return f"copy-{sha256(f'{self.source} {self.target}'.encode()).hexdigest()[:12]}"

    @property
    def arguments(self) -> dict[str, str]:
        """Return what a person said."""
        return {"source": str(self.source), "target": str(self.target)}


def asked(
    repo: Repository, source: str, target: str, environ: Mapping[str, str], exclude: str = ""
) -> Copy:
    """Return the copy that HOST:PATH and HOST:PATH ask for. Raise UsageError, HostKeyRefused."""
    here, there = place(repo, source, environ), place(repo, target, environ)
    told = {
        "kind": "files",
        "source": {"root": here.path},
        "target": {"root": there.path},
        "exclude": [*filter(None, exclude.split(","))],
    }
    return Copy(here, there, FileSet.model_validate(told))


def planned(repo: Repository, copy: Copy, *, allow_existing: int = 0) -> Plan:
    """Return what `copied` would do now; both ends are looked at, nothing is changed."""
    with _ends(copy) as ends:
        return decide(copy, _facts(repo, copy, ends), allow_existing=allow_existing)


def copied(
    repo: Repository,
    copy: Copy,
    *,
    allow_existing: int = 0,
    limit_mbit: int = 0,
    bars: Bars,
    tell: Callable[[Step], None] | None = None,
) -> figures.Summary:
    """Copy, record and report; return what was moved. Raise Refused and Incomplete as `decide`."""
    with run.begin(repo, TASK, None, copy.arguments, alone=copy.name) as course:
        work = _Work(course, repo, copy, limit_mbit, bars)
        try:
            with _ends(copy) as ends, work.meter:
                work.meter.enter("", "scan")
                facts = _facts(repo, copy, ends)
                plan = decide(copy, facts, allow_existing=allow_existing)
                work.carry_out(plan, facts, ends, tell)
        finally:
            work.keep()
        return work.summary


def decide(copy: Copy, facts: planning.Facts, *, allow_existing: int = 0) -> Plan:
    """Return the plan. Raise Refused and Incomplete as ops.migrate.plan.decide."""
    if not facts.source.found:
        raise Refused(f"there is no folder {copy.source}", "Correct source=.")
    if not facts.own and facts.target.files > allow_existing:
        raise Refused(
            f"{copy.target} already holds {quantities.number(facts.target.files)} files that no "
            "recorded copy put there",
            f"Look at them; to copy over them say allow-existing={facts.target.files}.",
        )
    if planning.needs(facts) > facts.target.free_bytes:
        raise Incomplete(
            f"{quantities.size(planning.needs(facts))} more are to come than fit into "
            f"{copy.target}, where {quantities.size(facts.target.free_bytes)} are free",
            "Make room there; then run it again.",
        )
    made = [] if facts.target.found else [Step("root.make", DATA, f"make {copy.target}")]
    counted = planning.amount(facts.source.files, facts.source.bytes)
    move = Step(
        "files.move",
        DATA,
        f"{counted} from {copy.source} to {copy.target}",
        {**copy.arguments, "exclude": list(copy.data.exclude)},
    )
    return Plan(TASK, copy.name, (*made, move), asdict(facts))


class _Work:
    """A copy under way, and what becomes of it."""

    def __init__(
        self, course: run.Run, repo: Repository, copy: Copy, limit_mbit: int, bars: Bars
    ) -> None:
        self.course = course
        self.repo = repo
        self.copy = copy
        self.limit_mbit = limit_mbit
        self.shown = Shown(bars)
        self.meter = Meter(course.directory / "meter.jsonl.gz", self.shown.tell)
        self.sets: list[figures.SetFigures] = []

    @property
    def summary(self) -> figures.Summary:
        """Return what was moved so far."""
        name = f"{self.copy.source} -> {self.copy.target}"
        return figures.summary(self.course.id, name, self.sets, {}, self.meter.samples)

    def carry_out(
        self,
        plan: Plan,
        facts: planning.Facts,
        ends: Ends,
        tell: Callable[[Step], None] | None,
    ) -> None:
        """Perform the plan and set the verdict."""
        root = self.copy.target.path
        make = command("mkdir", "-p", "--", root, root=ends.target_root)
        performers: dict[str, run.Performer] = {
            "root.make": lambda _: {"code": ends.target.run(make).code},
            "files.move": lambda _: self._move(facts, ends),
        }
        self.course.carry_out(plan, performers, tell=tell)
        self.course.verdict = self.summary.verdict

    def keep(self) -> None:
        """Put figures, samples and report among what belongs to the run."""
        if not self.sets:
            return
        for figure, value in self.summary.data().items():
            self.course.figure(figure, value)
        self.course.attach(self.meter.path)
        page = self.course.directory / "report.html"
        folders, prices = self.repo.template_folders(), self.repo.prices()
        text = report.page(self.summary, self.meter.samples, folders, prices)
        files.write(page, text.encode())
        self.course.attach(page)

    def _move(self, facts: planning.Facts, ends: Ends) -> run.Facts:
        self.course.remember(**self.copy.arguments)
        errand = transfer.Errand(
            self.copy.name,
            self.course.id,
            DATA,
            self.copy.data,
            self.repo.template_folders(),
            self.limit_mbit,
            self.repo.site().limits.streams,
        )
        self.meter.enter(DATA, "connect")
        self.meter.expect(*planning.to_come(facts))
        with self.shown.on(str(self.copy.target)):
            moved = transfer.move(ends, errand, self.meter)
        told = figures.of_set(DATA, self.copy.data, moved, facts.source, self.meter.samples)
        self.sets.append(told)
        return {**self.sets[-1].data(), **self.copy.arguments}


@contextmanager
def _ends(copy: Copy) -> Iterator[Ends]:
    here, there = copy.source.endpoint, copy.target.endpoint
    with connect(here) as source, connect(there) as target:
        yield Ends(source, target, there, copy.target.key, here.become == "sudo")


def _facts(repo: Repository, copy: Copy, ends: Ends) -> planning.Facts:
    return look.facts(ends, copy.data, own=_is_ours(repo, copy))


def _is_ours(repo: Repository, copy: Copy) -> bool:
    """Return whether a recorded run has copied from there to there."""
    ours = copy.arguments.items()
    return any(
        step.kind == "files.move" and ours <= step.facts.items()
        for each in repo.runs(task=TASK)
        for step in repo.record(each).steps
    )
