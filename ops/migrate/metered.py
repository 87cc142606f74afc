"""The practice run: a component's data is moved, metered, recorded and reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from ops import run
from ops.errors import Refused, UsageError
from ops.inventory.repository import Repository
from ops.inventory.schema import FileSet
from ops.migrate import candidates, databases, deletes, look
from ops.migrate import plan as planning
from ops.migrate.engine import mirror as mirroring
from ops.migrate.hosts import Hosts
from ops.migrate.rehearsal import Rehearsal
from ops.migrate.reporting import figures
from ops.migrate.shown import Bars
from ops.plan import Plan, Step

TASK = "migrate.metered"


def ready(repo: Repository) -> tuple[list[str], dict[str, str]]:
    """Return the components that can be moved, in order, and why the others can't."""
    components = repo.components()
    return candidates.candidates(components, {name: repo.state(name) for name in components})


def planned(
    repo: Repository,
    name: str,
    *,
    allow_existing: int = 0,
    mirror: bool = False,
    allow_deletes: int = 0,
) -> Plan:
    """Return what `rehearse` would do now; both ends are looked at, nothing is changed."""
    _check(repo, name)
    with _hosts(repo, name) as hosts:
        found = _found(repo, name, hosts)
        plan = planning.decide(name, repo.component(name), found, allow_existing=allow_existing)
        return _mirrored(repo, plan, hosts, allow_deletes) if mirror else plan


def rehearse(
    repo: Repository,
    name: str,
    *,
    allow_existing: int = 0,
    limit_mbit: int = 0,
    mirror: bool = False,
    allow_deletes: int = 0,
    bars: Bars,
    tell: Callable[[Step], None] | None = None,
) -> figures.Summary:
    """Move the component's data, record and report it; return what was moved.

    What a run that broke off has moved is not moved again. With `mirror` what is gone from the
    source is deleted on the target in the end, as far as the site's limit goes, or
    `allow_deletes` where that is more. Raise Refused and Incomplete as
    ops.migrate.plan says, UsageError for a component that can't be moved at all.
    """
    _check(repo, name)
    asked = {
        "allow-existing": allow_existing,
        "limit-mbit": limit_mbit,
        "mirror": mirror,
        "allow-deletes": allow_deletes,
    }
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
                if mirror:
                    plan = _mirrored(repo, plan, hosts, allow_deletes)
                work.carry_out(plan, found, hosts, tell)
        finally:
            work.keep()
        return work.summary


def _mirrored(repo: Repository, plan: Plan, hosts: Hosts, allow_deletes: int) -> Plan:
    """Return the plan with the deletions that it would end in now."""
    component = repo.component(plan.target)
    made = {step.subject for step in plan.steps if step.kind == "root.make"}
    gone = {
        name: len(mirroring.gone(hosts.ends(each), each, deletes.apart(component, name)))
        for name, each in component.data.items()
        if isinstance(each, FileSet) and name not in made
    }
    return deletes.added(plan, gone, max(repo.site().limits.deletes, allow_deletes))


def _check(repo: Repository, name: str) -> None:
    component, hint = repo.component(name), f"See `fab inventory.show app={name}` and `fab status`."
    if lack := candidates.undeclared(component):
        raise UsageError(f"{name} {lack}", hint)
    if reason := candidates.unready(component, repo.state(name)):
        raise Refused(f"{name} {reason}", hint)


@contextmanager
def _hosts(repo: Repository, name: str) -> Iterator[Hosts]:
    with ExitStack() as stack:
        yield Hosts(repo, name, stack)


def _found(
    repo: Repository, name: str, hosts: Hosts
) -> dict[str, planning.Facts | planning.DatabaseFacts]:
    """Return what is found of each data set."""
    found: dict[str, planning.Facts | planning.DatabaseFacts] = {}
    for each, data in repo.component(name).data.items():
        if isinstance(data, FileSet):
            own = _is_ours(repo, name, each, data.target.host, root=data.target.root)
            found[each] = look.facts(hosts.ends(data), data, own=own)
        elif _is_ours(repo, name, each, data.target, database=data.database):
            found[each] = planning.DatabaseFacts(own=True)
        else:
            host = hosts.at("cloud", data.target)
            found[each] = planning.DatabaseFacts(databases.rows(repo, host, data))
    return found


def _is_ours(repo: Repository, name: str, each: str, slot: str, **where: str) -> bool:
    """Return whether a recorded run has moved this data set to where it is to go."""
    there = {"instance": repo.state(name).instances[slot].id, **where}
    return any(
        step.subject == each and there.items() <= step.facts.items()
        for kind in ("files.move", "database.move")
        for _, step in repo.steps(name, kind)
    )
