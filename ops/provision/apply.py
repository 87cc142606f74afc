"""Provisions one component: look, plan, agree, carry out, look again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Set

from ops import run
from ops.errors import Incomplete, Refused
from ops.inventory.locks import must_be_idle
from ops.inventory.repository import Repository
from ops.inventory.schema import State
from ops.plan import Plan, require
from ops.provision import recording, survey
from ops.provision.arrival import Patience, Tell
from ops.provision.performers import Performers
from ops.provision.worksite import Worksite, open_site

Agree = Callable[[Plan], bool]
"""Shows a plan and says whether to carry it out; raises Refused itself."""


def apply(
    repo: Repository,
    name: str,
    agree: Agree,
    *,
    tell: Tell,
    expect: str = "",
    patience: Patience | None = None,
    arguments: Mapping[str, object] | None = None,
) -> bool:
    """Make the component's instances as declared; return whether anything was done.

    `agree` sees the plan first. With `expect` nothing is done beyond what was shown. What a
    dead run left is finished first, as soon as something is to be changed. Raise OpsError for
    what fails, the rest being kept for the next run; Incomplete when more is left to do.
    """
    must_be_idle(repo.var, name)
    with open_site(repo, name, tell, patience or Patience()) as work:
        state = survey.state(repo, name)
        _must_be_free(name, state)
        shown = work.plan(state)
        if not agree(shown):
            return False
        with run.begin(repo, "provision", name, arguments or {}) as under_way:
            now = work.plan(under_way.state)
            still(now, shown, strictly=bool(expect))
            began = time.monotonic()
            _carry_out(work, under_way, now, strictly=bool(expect))
            seconds = time.monotonic() - began
            under_way.figure("seconds_to_ready", round(seconds, 1))
            tell(f"as declared after {seconds:.0f} s")
    return True


def _carry_out(work: Worksite, under_way: run.Run, decided: Plan, *, strictly: bool) -> None:
    performers = Performers(work, under_way)
    performers.indoors.foreseen |= foreseen(decided)
    by_kind = performers.by_kind()
    under_way.carry_out(
        decided, by_kind, fold=recording.fold, tell=lambda step: work.tell(str(step))
    )
    performers.indoors.foreseen.clear()
    ready = recording.ready(under_way.state, [desired.slot for desired in work.wanted])
    left = work.plan(ready)
    _must_be_minor(left, set() if strictly else {*performers.indoors.by_kind(), "state.record"})
    for step in left.steps:
        work.tell(str(step))
        under_way.perform(step, by_kind[step.kind], fold=recording.fold)
    slots = [desired.slot for desired in work.wanted]
    under_way.observe(recording.ready(under_way.state, slots))


def _must_be_minor(left: Plan, kinds: Set[str]) -> None:
    """Raise Incomplete when more is left than what a host could not show before it was there.

    Nobody has seen these steps: `kinds` may be done all the same, what else AWS needs may not.
    """
    more = [step.words for step in left.steps if step.kind not in kinds]
    if more:
        raise Incomplete(
            f"{left.target}: more is needed than the plan showed: {more[0]}",
            f"Look at it with `fab provision app={left.target} plan=true`, then run it again.",
        )


def _must_be_free(name: str, state: State) -> None:
    """Raise Refused when a replacement is under way, or when the component was given up."""
    if state.replacements:
        raise Refused(
            f"{name}: the replacement of {', '.join(state.replacements)} is not at its end",
            f"Complete it with `fab provision.replace app={name}`.",
        )
    if state.retirement is not None:
        raise Refused(
            f"{name} was retired, stopped on {state.retirement.since:%Y-%m-%d}",
            f"Take it back first with `fab provision.retire app={name} undo=true`.",
        )


def still(now: Plan, shown: Plan, *, strictly: bool) -> None:
    """Raise Refused when more is to be done now than was shown, or when it must be the same.

    What others did meanwhile (the key pair that components share) need not be done again.
    """
    if strictly or any(step not in shown.steps for step in now.steps):
        require(now, shown.digest)


def foreseen(decided: Plan) -> set[str]:
    """Return the slots whose inside was planned before their host, or its disks, were there."""
    return {
        str(step.arguments["slot"])
        for step in decided.steps
        if step.kind in {"host.await", "instance.start", "volume.attach"}
    }
