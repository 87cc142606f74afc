"""A practice run under way: the plan's steps performed, and what becomes of them recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from ops import run
from ops.errors import UsageError
from ops.escapes import escape
from ops.inventory import files
from ops.inventory.repository import Repository
from ops.inventory.schema import DatabaseSet, FileSet, State, TransferState
from ops.migrate import databases, deletes
from ops.migrate import plan as planning
from ops.migrate.engine import mirror, transfer
from ops.migrate.engine.ends import Ends
from ops.migrate.engine.meter import Meter
from ops.migrate.hosts import Hosts
from ops.migrate.reporting import figures, forecasts, report
from ops.migrate.shown import Bars, Shown
from ops.plan import Plan, Step
from ops.remote.command import command


class Rehearsal:
    """A run under way: performs the plan's steps and gathers what becomes of them."""

    def __init__(
        self, under_way: run.Run, repo: Repository, name: str, bars: Bars, limit_mbit: int
    ) -> None:
        self.run = under_way
        self.repo = repo
        self.name = name
        self.component = repo.component(name)
        self.shown = Shown(bars)
        self.limit_mbit = limit_mbit
        self.sets: list[figures.SetFigures] = []
        self.meter = Meter(under_way.directory / "meter.jsonl.gz", self.shown.tell)
        self._found: Mapping[str, planning.Facts | planning.DatabaseFacts] = {}
        self._expected: forecasts.Told | None = None
        self._allowed = 0
        self._deleted = 0
        self._ways: dict[str, list[bytes]] = {}

    @property
    def summary(self) -> figures.Summary:
        """Return what was moved so far."""
        told = figures.summary(self.run.id, self.name, self.sets, {}, self.meter.samples)
        if self._expected is None or told.verdict != "done":
            return told
        return replace(told, forecast=self._expected.against(told.seconds))

    def carry_out(
        self,
        plan: Plan,
        found: Mapping[str, planning.Facts | planning.DatabaseFacts],
        hosts: Hosts,
        tell: Callable[[Step], None] | None,
    ) -> None:
        """Perform the plan that rests on what was `found`; set verdict and state."""
        self._found = found
        self._allowed = deletes.allowed(plan)
        if not self.limit_mbit:
            self._expected = forecasts.of_facts(self.repo, self.name, found, run.now())
        performers: dict[str, run.Performer] = {
            "root.make": lambda step: self._make_root(step, hosts),
            "files.move": lambda step: self._move(step, hosts),
            "database.move": lambda step: self._move_database(step, hosts),
            deletes.KIND: lambda step: self._delete(step, hosts),
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
            self.repo.site().limits.streams,
        )
        ends, found = hosts.ends(data), self._facts(step.subject)
        self.meter.enter(step.subject, "connect")
        self.meter.expect(*planning.to_come(found))
        with self.shown.on(f"{self.name}/{step.subject}"):
            moved = transfer.move(ends, errand, self.meter)
            if self._allowed and moved.outcome.blocked:
                self._make_way(ends, step.subject, data, moved.outcome.blocked)
                moved = transfer.again(ends, errand, self.meter, moved)
        told = figures.of_set(step.subject, data, moved, found.source, self.meter.samples)
        self.sets.append(told)
        return self.sets[-1].data()

    def _delete(self, step: Step, hosts: Hosts) -> run.Facts:
        """Delete what is gone from the source by now, if all that is there has arrived."""
        data, paths, reason = self._files(step), self._ways.get(step.subject, []), {}
        if self.summary.verdict == "done":
            self.meter.enter(step.subject, "delete")
            late = self._gone(hosts.ends(data), step.subject, data)
            self._remove(hosts.ends(data), data, late)
            paths = [*paths, *late]
        else:
            reason = {"reason": "not all has arrived"}
        told = [escape(path) for path in paths[: figures.KEPT]]
        return {"deleted": len(paths), "paths": told, **reason}

    def _make_way(self, ends: Ends, name: str, data: FileSet, blocked: tuple[bytes, ...]) -> None:
        """Delete what is gone from the source in folders that are none there any more."""
        inside = tuple(path + b"/" for path in blocked)
        paths = [path for path in self._gone(ends, name, data) if path.startswith(inside)]
        self._remove(ends, data, paths)
        self._ways[name] = paths

    def _gone(self, ends: Ends, name: str, data: FileSet) -> list[bytes]:
        return mirror.gone(ends, data, deletes.apart(self.component, name))

    def _remove(self, ends: Ends, data: FileSet, paths: list[bytes]) -> None:
        """Delete the paths, within the limit of all data sets together."""
        deletes.check(self.name, self._deleted + len(paths), self._allowed)
        mirror.delete(ends, data.target.root, paths)
        self._deleted += len(paths)

    def _move_database(self, step: Step, hosts: Hosts) -> run.Facts:
        data, limit = self.component.data[step.subject], self.limit_mbit
        if not isinstance(data, DatabaseSet):
            raise UsageError(f"{self.name}/{step.subject} is no database")
        instance = self.run.state.instances[data.target].id
        self.run.remember(instance=instance, database=data.database)
        last = self.run.state.transfers.get(step.subject)
        before = last.bytes if last and last.verdict == "done" else 0
        streams = self.repo.site().limits.streams
        errand = databases.Errand(
            self.repo, self.name, self.run.id, step.subject, data, before, limit, streams
        )
        self.sets.append(databases.move(hosts, errand, self.meter))
        return self.sets[-1].data()

    def _facts(self, name: str) -> planning.Facts:
        """Return what was found at both ends of a set of files."""
        found = self._found[name]
        if isinstance(found, planning.DatabaseFacts):
            raise UsageError(f"{self.name}/{name} is no set of files")
        return found

    def _files(self, step: Step) -> FileSet:
        data = self.component.data[step.subject]
        if not isinstance(data, FileSet):
            raise UsageError(f"{self.name}/{step.subject} is no set of files")
        return data

    def _fold(self, state: State, step: Step, _: run.Facts) -> State:
        done = self.sets[-1] if self.sets else None
        moves = ("files.move", "database.move")
        if step.kind not in moves or done is None or not done.started:
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


def _rehearsed(state: State) -> State:
    return state.model_copy(update={"phase": "rehearsed"})
