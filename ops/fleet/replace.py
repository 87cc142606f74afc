"""Replaces an instance: a successor takes its volumes and its name, or everything goes back.

Until the switch any failure leads back to the old instance. What a killed run left is gone on
with by the next one, from where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ops import run
from ops.errors import Interrupted, OpsError, Refused
from ops.fleet import replace_plan, replace_state
from ops.fleet.replace_site import Stage, Succession, open_succession
from ops.fleet.replace_steps import Performer, Transition
from ops.inventory.locks import must_be_idle
from ops.inventory.repository import Repository
from ops.inventory.schema import State
from ops.plan import Plan, Step
from ops.provision import survey
from ops.provision.apply import foreseen, still
from ops.provision.arrival import Patience, Tell
from ops.provision.performers import Performers
from ops.run import Run

Agree = Callable[[Plan], bool]


def replace(
    repo: Repository,
    name: str,
    agree: Agree,
    *,
    tell: Tell,
    slot: str = "",
    from_snapshot: bool = False,
    accept_loss: float = 0,
    undo: bool = False,
    expect: str = "",
    patience: Patience | None = None,
    later: Mapping[str, Performer] | None = None,
    arguments: Mapping[str, object] | None = None,
) -> bool:
    """Replace the slot's instance by one of the next generation; return whether it was done.

    `agree` sees the plan first. `accept_loss` are the hours that may be lost where volumes are
    made from snapshots. `undo` leads one that is under way back instead. `later` performs the
    switches that are other packages' matter. Raise OpsError when it failed: before the switch
    everything was led back to the old instance.
    """
    patience = patience or Patience()
    must_be_idle(repo.var, name)
    with open_succession(repo, name, slot, tell, patience, from_snapshot=from_snapshot) as work:
        state = survey.state(repo, name)
        _must_be_in_use(name, state)
        plan = work.way_back if undo else work.plan
        shown = plan(state)
        if not agree(shown):
            return False
        if not undo:
            _accept(work, state, accept_loss)
        with run.begin(repo, "provision.replace", name, arguments or {}) as under_way:
            now = plan(under_way.state)
            still(now, shown, strictly=bool(expect))
            performers = _performers(work, under_way, now, later or {})
            if undo:
                _lead_back(work, under_way, performers)
            else:
                _forth(work, under_way, now, performers)
    return True


def _must_be_in_use(name: str, state: State) -> None:
    """Raise Refused when the component was given up."""
    if state.retirement is not None:
        raise Refused(
            f"{name} was retired, stopped on {state.retirement.since:%Y-%m-%d}",
            f"Take it back first with `fab provision.retire app={name} undo=true`.",
        )


def _forth(
    work: Succession, under_way: Run, now: Plan, performers: Mapping[str, Performer]
) -> None:
    """Carry the plan out; whatever fails, a full disk of ours too, leads back where it can."""
    try:
        _carry_out(work, under_way, now, performers)
    except Interrupted:
        raise
    except OpsError as error:
        _back(work, under_way, performers, error)
        raise
    except OSError as error:
        failed = OpsError(f"{work.name}: {error}")
        _back(work, under_way, performers, failed)
        raise failed from error


def _accept(work: Succession, state: State, hours: float) -> None:
    if work.found is None or work.slot in state.replacements:
        return
    replace_plan.accept(work.name, replace_plan.lost(state, work.found, run.now()), hours)


def _performers(
    work: Succession, under_way: Run, now: Plan, later: Mapping[str, Performer]
) -> dict[str, Performer]:
    stage = Stage(under_way, work.slot)
    provision = Performers(work, stage)
    provision.indoors.foreseen |= foreseen(now)
    switched = Performers(work, under_way)
    own = provision.by_kind()

    def within(step: Step) -> Mapping[str, object] | None:
        provision.indoors.foreseen.clear()
        return own[step.kind](step)

    return {
        **own,
        "address.give": switched.by_kind()["address.give"],
        **Transition(work, under_way, within).by_kind(later),
    }


def _carry_out(
    work: Succession, under_way: Run, now: Plan, performers: Mapping[str, Performer]
) -> None:
    def tell(step: Step) -> None:
        work.found = under_way.state.replacements.get(work.slot, work.found)
        work.tell(str(step))

    under_way.carry_out(now, performers, fold=replace_state.fold, tell=tell)


def _back(
    work: Succession, under_way: Run, performers: Mapping[str, Performer], error: OpsError
) -> None:
    """Go back to the old instance; tell in the error's hint how that went."""
    found = under_way.state.replacements.get(work.slot)
    if found is None:
        return
    again = f"`fab provision.replace app={work.name}`"
    if why := replace_plan.no_way_back(found):
        error.hint = f"{error.hint} There is no way back, as {why}: {again} goes on.".strip()
        return
    work.tell(f"going back to {found.old.id}: {error.message}")
    try:
        _lead_back(work, under_way, performers)
    except (OpsError, OSError) as second:
        said = second.message if isinstance(second, OpsError) else str(second)
        error.hint = (
            f"{error.hint} Going back failed too: {said}. {again} goes on; with undo=true it "
            "goes back."
        ).strip()
        return
    kept = f"; {found.successor.id} is kept, stopped" if found.successor else ""
    error.hint = f"{error.hint} Everything is as it was, on {found.old.id}{kept}.".strip()


def _lead_back(work: Succession, under_way: Run, performers: Mapping[str, Performer]) -> None:
    """Go back to the old instance, as things are now; then its successor's key is forgotten."""
    for step in replace_plan.back(*work.behind(under_way.state)):
        work.tell(str(step))
        under_way.perform(step, performers[step.kind], fold=replace_state.fold)
    work.repo.unpin(work.wanted[0].host)
