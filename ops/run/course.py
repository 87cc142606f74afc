"""A run: a plan carried out step by step, journalled as it happens, recorded at its end."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ops
from ops.errors import Incomplete, Interrupted, OpsError
from ops.inventory import files, locks, machine, records, recovery
from ops.inventory.journal import Journal
from ops.inventory.schema import State
from ops.plan import Plan, Step

if TYPE_CHECKING:
    from ops.inventory.repository import Repository
    from ops.inventory.signing import Signer

Facts = Mapping[str, object]
Performer = Callable[[Step], Facts | None]
"""Does a step and returns facts about what it did (ids, addresses): JSON data, no secrets."""

Fold = Callable[[State, Step, Facts], State]
"""Returns the component's state after a step that gave these facts."""


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def token() -> str:
    """Return what tells two runs of the same second apart."""
    return secrets.token_hex(3)


class Run:
    """A run under way. What it is told is on disk before the call returns."""

    def __init__(
        self,
        repo: Repository,
        journal: Journal,
        run: str,
        state: State,
        clock: Callable[[], datetime],
    ) -> None:
        self.repo = repo
        self.id = run
        self.state = state
        """The component's state as last observed; the empty state in a run without component."""
        self.verdict: records.Verdict = "done"
        self._journal = journal
        self._clock = clock
        self._number = -1

    @property
    def directory(self) -> Path:
        """Return the run's own folder var/runs/RUN, for manifests, samples and logs."""
        folder = self.repo.run_folder(self.id)
        files.make_folder(folder, 0o700)
        return folder

    def carry_out(
        self,
        plan: Plan,
        performers: Mapping[str, Performer],
        *,
        fold: Fold | None = None,
        tell: Callable[[Step], None] | None = None,
    ) -> None:
        """Perform the plan's steps in order; the first that fails ends it.

        `tell` hears of each step before it begins. With `fold` the state that follows from a
        step is on disk together with the step. Raise OpsError before the first step when a
        kind of step has no performer.
        """
        unknown = sorted({step.kind for step in plan.steps} - set(performers))
        if unknown:
            raise OpsError(f"{plan.target}: nobody performs {', '.join(unknown)}")
        self._journal.append("plan", digest=plan.digest, at=self._now())
        for step in plan.steps:
            if tell:
                tell(step)
            self.perform(step, performers[step.kind], fold=fold)

    def perform(self, step: Step, performer: Performer, *, fold: Fold | None = None) -> Facts:
        """Perform one step; return its facts."""
        self._number += 1
        number = self._number
        told = {name: value for name, value in step.data().items() if name != "arguments"}
        self._journal.append("step", number=number, step=told, at=self._now())
        try:
            facts = dict(performer(step) or {})
            state = fold(self.state, step, facts) if fold else None
        except BaseException as error:
            self._journal.append("failed", number=number, error=_words(error), at=self._now())
            raise
        self.state = state or self.state
        self._journal.append("done", number=number, facts=facts, at=self._now(), state=_data(state))
        return facts

    def remember(self, **facts: object) -> None:
        """Keep facts of the step under way, should it never end (an id, before the waiting)."""
        self._journal.append("fact", number=self._number, facts=facts, at=self._now())

    def observe(self, state: State) -> None:
        """Make `state` the component's state; it is committed with the record."""
        self.state = state
        self._journal.append("state", state=_data(state), at=self._now())

    def figure(self, name: str, value: object) -> None:
        """Put a figure (JSON data) into the record; the last of a name counts."""
        self._journal.append("figure", name=name, value=value)

    def attach(self, path: Path) -> None:
        """Make the complete file at `path`, below the inventory, belong to the run."""
        name = str(path.absolute().relative_to(self.repo.path))
        found = records.file_digest(path).model_dump()
        self._journal.append("file", path=name, digest=found)

    def _end(self, error: BaseException | None) -> None:
        verdict = _verdict(error) if error else self.verdict
        words = _words(error) if error else None
        self._journal.append("end", verdict=verdict, error=words, at=self._now())

    def _now(self) -> str:
        return _iso(self._clock())


@contextmanager
def begin(
    repo: Repository,
    task: str,
    component: str | None = None,
    arguments: Mapping[str, object] | None = None,
    *,
    alone: str = "",
    clock: Callable[[], datetime] = now,
    ids: Callable[[], str] = token,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Run]:
    """Open a run; leaving the block records it, whatever happened in it.

    First finishes what crashed runs left. Raise Refused when this inventory, machine or
    account may not change anything, when records can't be signed, when the component's file
    or site.yaml has uncommitted edits, and when another task is at work on the component.
    Without a component `alone` names what no other run may work on meanwhile. `arguments` are
    recorded: no secrets among them.
    """
    repo.writable()
    if component:
        repo.component(component)
    signer = repo.signer(environ)
    started = _iso(clock())
    name = _run_id(started, task, component, ids())
    with ExitStack() as stack:
        holder = locks.Holder(task, name, os.getpid(), started)
        journal, state = _open(repo, signer, stack, holder, component, alone=alone)
        journal.append("begin", **_beginning(name, task, component, arguments, started))
        run = Run(repo, journal, name, state, clock)
        try:
            yield run
        except BaseException as error:
            run._end(error)
            raise
        else:
            run._end(None)
        finally:
            with repo.locked() as git:
                journal.close()  # not before: others would take it for a dead run's, and finish it
                recovery.finish(repo, git, signer, journal.path, _iso(clock()))


def recover(repo: Repository, environ: Mapping[str, str] = os.environ) -> list[records.Record]:
    """Finish what crashed tasks left behind; return the records of their runs."""
    repo.writable()
    signer = repo.signer(environ)
    with repo.locked() as git:
        return recovery.recover(repo, git, signer, _iso(now()))


def _open(
    repo: Repository,
    signer: Signer,
    stack: ExitStack,
    holder: locks.Holder,
    component: str | None,
    *,
    alone: str,
) -> tuple[Journal, State]:
    """Take the locks in order; return the new journal, so that no other task sees it dead.

    The state comes with it: one that can't be read must not leave a run behind.
    """
    with repo.locked() as git:
        recovery.recover(repo, git, signer, holder.since)
        repo.clean(component or "")
        if component or alone:
            stack.enter_context(locks.component_lock(repo.var, component or alone, holder))
        state = repo.state(component) if component else State.model_validate({})
        return Journal(repo.var / "journal" / f"{holder.run}.jsonl"), state


def _beginning(
    name: str, task: str, component: str | None, arguments: Facts | None, started: str
) -> dict[str, Any]:
    who = {"user": machine.user_name(), "host": machine.host_name()}
    return {
        "run": name,
        "task": task,
        "component": component,
        "arguments": dict(arguments or {}),
        "who": who,
        "suite": ops.__version__,
        "at": started,
    }


def _run_id(started: str, task: str, component: str | None, ending: str) -> str:
    moment = started.replace("-", "").replace(":", "")
    return f"{moment}_{task}_{component or ''}_{ending}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _verdict(error: BaseException) -> records.Verdict:
    if isinstance(error, Incomplete):
        return "incomplete"
    if isinstance(error, Interrupted) or not isinstance(error, Exception):
        return "interrupted"
    return "failed"


def _words(error: BaseException) -> str:
    return error.message if isinstance(error, OpsError) else f"{type(error).__name__}: {error}"


def _data(state: State | None) -> Any:
    return None if state is None else state.model_dump(mode="json", exclude_defaults=True)
