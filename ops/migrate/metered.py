"""The practice run: a component's data is moved, metered, recorded and reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ops import run
from ops.errors import Refused, UsageError
from ops.inventory import files
from ops.inventory.repository import Repository
from ops.inventory.schema import Component, FileSet, State, TransferState
from ops.migrate import candidates, door, figures, look, report, transfer
from ops.migrate import plan as planning
from ops.migrate.meter import Meter
from ops.migrate.samples import Sample
from ops.plan import Plan, Step
from ops.remote.command import command
from ops.remote.errors import HostKeyRefused
from ops.remote.host import Host

TASK = "migrate.metered"


class Bar(Protocol):
    """What progress is told to."""

    def at(self, bytes: int, files: int = 0) -> None:
        """Hear that so much is done."""


Bars = Callable[[str, int, int], AbstractContextManager[Bar]]
"""Shows progress in a block, given a name, the bytes and the files that are to come."""


@dataclass
class Hosts:
    """Connections to a component's hosts, each made once when first needed."""

    repo: Repository
    component: str
    stack: ExitStack
    _open: dict[tuple[run.Side, str], Host] = field(default_factory=dict)

    def at(self, side: run.Side, slot: str) -> Host:
        """Return the host of that side and slot."""
        if (side, slot) not in self._open:
            host = run.host(self.repo, self.component, side, slot)
            self._open[side, slot] = self.stack.enter_context(host)
        return self._open[side, slot]

    def ends(self, data: FileSet) -> door.Ends:
        """Return both ends of a data set. Raise HostKeyRefused when the target has no pin."""
        there = run.endpoint(self.repo, self.component, "cloud", data.target.host)
        key = self.repo.pinned(there.key_name)
        if key is None:
            raise HostKeyRefused(
                f"no host key is pinned for {there.where}",
                f"Make the host known with `fab provision app={self.component}`.",
            )
        here = run.endpoint(self.repo, self.component, "campus", data.source.host)
        source, target = self.at("campus", data.source.host), self.at("cloud", data.target.host)
        return door.Ends(source, target, there, key, here.become == "sudo")


def ready(repo: Repository) -> tuple[list[str], dict[str, str]]:
    """Return the components that can be moved, in order, and why the others can't."""
    components = repo.components()
    return candidates.candidates(components, {name: repo.state(name) for name in components})


def planned(repo: Repository, name: str, *, allow_existing: int = 0) -> Plan:
    """Return what `rehearse` would do now; both ends are looked at, nothing is changed."""
    _check(repo, name)
    with _hosts(repo, name) as hosts:
        found = _found(repo, name, hosts)
    return planning.decide(name, repo.component(name), found, allow_existing=allow_existing)


def rehearse(
    repo: Repository,
    name: str,
    *,
    allow_existing: int = 0,
    limit_mbit: int = 0,
    bars: Bars,
    tell: Callable[[Step], None] | None = None,
) -> figures.Summary:
    """Move the component's data, record and report it; return what was moved.

    What a run that broke off has moved is not moved again. Raise Refused and Incomplete as
    ops.migrate.plan says, UsageError for a component that can't be moved at all.
    """
    _check(repo, name)
    asked = {"allow-existing": allow_existing, "limit-mbit": limit_mbit}
    arguments = {argument: value for argument, value in asked.items() if value}
    with run.begin(repo, TASK, name, arguments) as under_way:
        work = Rehearsal(under_way, repo, name, bars, limit_mbit)
        try:
            with _hosts(repo, name) as hosts, work.meter:
                work.meter.enter("", "scan")
                found = _found(repo, name, hosts)
                plan = planning.decide(
                    name, repo.component(name), found, allow_existing=allow_existing
                )
                work.carry_out(plan, found, hosts, tell)
        finally:
            work.keep()
        return work.summary


class Rehearsal:
    """A run under way: performs the plan's steps and gathers what becomes of them."""

    def __init__(
        self, under_way: run.Run, repo: Repository, name: str, bars: Bars, limit_mbit: int
    ) -> None:
        self.run = under_way
        self.repo = repo
        self.name = name
        self.component = repo.component(name)
        self.bars = bars
        self.limit_mbit = limit_mbit
        self.sets: list[figures.SetFigures] = []
        self.meter = Meter(under_way.directory / "meter.jsonl.gz", self._tell)
        self._bar: Bar | None = None
        self._found: Mapping[str, planning.Facts] = {}

    @property
    def summary(self) -> figures.Summary:
        """Return what was moved so far."""
        left_out = _left_out(self.component)
        return figures.summary(self.run.id, self.name, self.sets, left_out, self.meter.samples)

    def carry_out(
        self,
        plan: Plan,
        found: Mapping[str, planning.Facts],
        hosts: Hosts,
        tell: Callable[[Step], None] | None,
    ) -> None:
        """Perform the plan that rests on what was `found`; set verdict and state."""
        self._found = found
        performers: dict[str, run.Performer] = {
            "root.make": lambda step: self._make_root(step, hosts),
            "files.move": lambda step: self._move(step, hosts),
        }
        self.run.carry_out(plan, performers, fold=self._fold, tell=tell)
        if self.summary.verdict == "done":
            self.run.observe(_rehearsed(self.run.state))
        self.run.verdict = self.summary.verdict

    def keep(self) -> None:
        """Put figures, samples and report among what belongs to the run."""
        if not self._found:
            return
        for figure, value in self.summary.data().items():
            self.run.figure(figure, value)
        self.run.attach(self.meter.path)
        page = self.run.directory / "report.html"
        templates = self.repo.template_folders()
        files.write(
            page,
            report.page(self.summary, self.meter.samples, templates, self.repo.prices()).encode(),
        )
        self.run.attach(page)

    def _make_root(self, step: Step, hosts: Hosts) -> None:
        data = self._files(step)
        ends = hosts.ends(data)
        ends.target.run(command("mkdir", "-p", "--", data.target.root, root=ends.target_root))

    def _move(self, step: Step, hosts: Hosts) -> run.Facts:
        data = self._files(step)
        instance = self.run.state.instances[data.target.host].id
        self.run.remember(instance=instance, root=data.target.root)
        errand = transfer.Errand(
            self.name,
            self.run.id,
            step.subject,
            data,
            self.repo.template_folders(),
            self.limit_mbit,
        )
        with self._shown(step.subject):
            moved = transfer.move(hosts.ends(data), errand, self.meter)
        self.sets.append(
            figures.of_set(
                step.subject, data, moved, self._found[step.subject].source, self.meter.samples
            )
        )
        return self.sets[-1].data()

    def _files(self, step: Step) -> FileSet:
        data = self.component.data[step.subject]
        if not isinstance(data, FileSet):
            raise UsageError(f"{self.name}/{step.subject} is no set of files")
        return data

    def _fold(self, state: State, step: Step, _: run.Facts) -> State:
        done = self.sets[-1] if self.sets else None
        if step.kind != "files.move" or done is None or not done.started:
            return state
        new = TransferState(
            run=self.run.id,
            started=datetime.fromisoformat(done.started),
            finished=run.now(),
            verdict=done.verdict,
            files=done.files,
            bytes=done.bytes,
            seconds=done.seconds,
        )
        return state.model_copy(update={"transfers": {**state.transfers, step.subject: new}})

    @contextmanager
    def _shown(self, name: str) -> Iterator[None]:
        counted = self._found[name].source
        with self.bars(f"{self.name}/{name}", counted.bytes, counted.files) as bar:
            self._bar = bar
            try:
                yield
            finally:
                self._bar = None

    def _tell(self, sample: Sample) -> None:
        bar = self._bar
        if bar is not None and sample.phase == "transfer":
            bar.at(sample.bytes, sample.files)


def _check(repo: Repository, name: str) -> None:
    hindrance = candidates.hindrance(repo.component(name), repo.state(name))
    if hindrance:
        error = Refused if "is " in hindrance else UsageError
        raise error(f"{name} {hindrance}", f"See `fab inventory.show app={name}` and `fab status`.")


@contextmanager
def _hosts(repo: Repository, name: str) -> Iterator[Hosts]:
    with ExitStack() as stack:
        yield Hosts(repo, name, stack)


def _found(repo: Repository, name: str, hosts: Hosts) -> dict[str, planning.Facts]:
    """Return what is found at both ends of each data set of files."""
    return {
        each: look.facts(hosts.ends(data), data, own=_is_ours(repo, name, each, data))
        for each, data in repo.component(name).data.items()
        if isinstance(data, FileSet)
    }


def _is_ours(repo: Repository, name: str, each: str, data: FileSet) -> bool:
    """Return whether a recorded run has moved this data set to where it is to go."""
    there = {"instance": repo.state(name).instances[data.target.host].id, "root": data.target.root}
    return any(
        step.subject == each and there.items() <= step.facts.items()
        for _, step in repo.steps(name, "files.move")
    )


def _left_out(component: Component) -> dict[str, str]:
    return {
        each: f"{data.engine} databases are not moved by this version"
        for each, data in component.data.items()
        if not isinstance(data, FileSet)
    }


def _rehearsed(state: State) -> State:
    return state.model_copy(update={"phase": "rehearsed"})
