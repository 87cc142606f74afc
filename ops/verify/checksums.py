"""The verification of a component: both sides scanned side by side, compared, recorded."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops import run
from ops.errors import OpsError, UsageError
from ops.inventory.problems import nearest
from ops.inventory.schema import FileSet, State, VerificationState
from ops.verify import databases
from ops.verify.filesets import Bars, FileWork
from ops.verify.sides import Hosts, Outcome
from ops.verify.tree import unheard
from ops.verify.verdict import Verdict

if TYPE_CHECKING:
    from ops.inventory.repository import Repository
    from ops.inventory.schema import Component


NEVER_MOVED = "never moved"


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


def unmoved(component: Component, state: State, data: str = "") -> list[str]:
    """Return the data sets that are meant too, but that nobody can verify: never moved."""
    return [] if data else sorted(set(component.data) - set(state.transfers))


def verify(
    repo: Repository,
    name: str,
    *,
    data: str = "",
    full: bool = False,
    bars: Bars | None = None,
) -> tuple[str, list[Outcome]]:
    """Verify a component's data sets, record the run, and return its id and the outcomes.

    Files that lay still since they were read last are read again only with `full`. Data sets
    that were never moved make the run incomplete, unless `data` alone was meant. Raise OpsError
    when a host can't be reached or a root is not there; nothing is decided then.
    """
    component = repo.component(name)
    sets = chosen(name, component, repo.state(name), data)
    arguments = {**({"data": data} if data else {}), **({"full": True} if full else {})}
    with run.begin(repo, "verify.checksums", name, arguments) as course, ExitStack() as stack:
        hosts = Hosts(repo, name, stack)
        outcomes = []
        for each in sets:
            declared, moved = component.data[each], course.state.transfers[each]
            if isinstance(declared, FileSet):
                work = FileWork(course, hosts, each, declared, moved, full=full)
                outcomes.append(work.done(bars or (lambda _: unheard)))
            else:
                outcomes.append(databases.verify(course, hosts, each, declared, moved))
        left = unmoved(component, course.state, data)
        for each in left:
            course.figure(each, {"verdict": "incomplete", "reason": NEVER_MOVED})
        course.verdict = concluded(outcomes, left)
        _observe(course, component, outcomes)
    return course.id, outcomes


def concluded(outcomes: list[Outcome], left: list[str]) -> Verdict:
    """Return the verdict of a run, given what it verified and what was never moved."""
    missing: list[Verdict] = ["incomplete"] if left else []
    return overall([outcome.judgement.verdict for outcome in outcomes] + missing)


def _observe(course: run.Run, component: Component, outcomes: list[Outcome]) -> None:
    """Observe the new state of the data sets that were verified."""
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
