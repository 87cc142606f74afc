"""Runs a task's body for its components: none, one, or several with one exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ops.cli import output
from ops.cli.output import printable, say_aside
from ops.cli.rules import Rules
from ops.errors import Incomplete, OpsError, UsageError, worst

if TYPE_CHECKING:
    from ops.cli.fleet import Outcome

Body = Callable[..., int | None]


def conduct(body: Body, context: Any, values: Mapping[str, Any], rules: Rules, task: str) -> int:
    """Return the exit code of `body` run once for each component; several have the worst.

    Raise what the body raises when it ran once; of several, each error is printed with the name
    of its component.
    """
    with output.as_json(bool(values.get("json"))):
        try:
            return _conduct(body, context, values, rules, task)
        except Exception as error:
            output.failure(error)
            raise


def _conduct(body: Body, context: Any, values: Mapping[str, Any], rules: Rules, task: str) -> int:
    if rules.app == "none":
        return body(context, **values) or 0
    if rules.app == "together":
        return body(context, **{**values, "app": _together(values.get("app"), task)}) or 0
    names = _components(values.get("app"), rules, task)
    if len(names) > 1 and values.get("expect"):
        raise UsageError(
            f"expect= is the digest of one plan, {task} would make {len(names)}",
            "Name one component.",
        )
    works = {name: partial(body, context, **{**values, "app": name}) for name in names}
    if len(names) == 1 and values.get("app") == names[0]:
        return works[names[0]]() or 0
    return _several(works, rules, asked=not values.get("yes"))


def _several(works: Mapping[str, Callable[[], int | None]], rules: Rules, asked: bool) -> int:
    from ops.cli import fleet

    asks_here = rules.asks and asked and output.is_terminal_input()
    after = _depends(list(works)) if rules.in_order else {}
    if rules.one_after_another or asks_here:
        outcomes = fleet.in_turn(works, after)
    else:
        if rules.ahead is not None:
            rules.ahead()
        outcomes = fleet.side_by_side(works, after=after)
    if output.wants_json():
        output.document({outcome.name: outcome.document for outcome in outcomes})
    say_aside(*_recap(outcomes))
    return _whole([outcome.code for outcome in outcomes], partial=rules.partial)


def _recap(outcomes: Sequence[Outcome]) -> list[str]:
    """Return which of several did not end well, and why: their own lines are far up by now."""
    left = [one for one in outcomes if one.code]
    if not left or len(outcomes) == 1:
        return []
    lines = [f"{len(outcomes) - len(left)} of {len(outcomes)} components ended with 0, not these:"]
    for one in left:
        why = one.error.removeprefix(f"{one.name}: ").partition("\n")[0]
        lines.append(printable(f"  {one.name}: exit {one.code}{', ' if why else ''}{why}"))
    return lines


def _whole(codes: list[int], *, partial: bool) -> int:
    """Return the exit code of all; beside some that are done, `partial` failures are gaps."""
    failed = OpsError.exit_code
    left = Incomplete.exit_code if partial and 0 in codes else failed
    return worst(left if code == failed else code for code in codes)


def _depends(names: list[str]) -> dict[str, list[str]]:
    """Return which of the components each depends on; a broken file tells in its own turn."""
    from ops.cli.place import repository

    repo, found = repository(), {}
    for name in names:
        with suppress(OpsError):
            found[name] = [other for other in repo.component(name).depends if other in names]
    return found


def _components(app: str | None, rules: Rules, task: str) -> list[str]:
    if not app and rules.candidates is not None:
        names, others = rules.candidates()
        for name, reason in others.items():
            say_aside(f"{name}: left out, {reason}")
        if not names:
            raise UsageError(f"{task}: no component is ready for it")
        return names
    if not app:
        also = ", or app=all" if rules.app == "many" else ""
        raise UsageError(f"{task} needs a component", f"Name one: app=NAME{also}.")
    if rules.app == "one" and ("," in app or app == "all"):
        raise UsageError(f"{task} takes one component, not app={app}", "Say app=NAME.")
    if app != "all" and "," not in app:
        return [app]
    return _listed(app, task)


def _together(app: str | None, task: str) -> str:
    return "" if app in (None, "", "all") else ",".join(_listed(str(app), task))


def _listed(app: str, task: str) -> list[str]:
    from ops.cli.place import repository
    from ops.cli.wording import nearest

    known = repository().names()
    if app == "all":
        if not known:
            raise UsageError(f"{task}: the inventory has no component")
        return known
    names = list(dict.fromkeys(name for name in app.split(",") if name))
    if "all" in names and "all" not in known:
        raise UsageError(f"{task}: app={app} names all and more", "Say app=all alone.")
    for name in names:
        if name not in known:
            raise UsageError(f"there is no component {name}", nearest(name, known, "app={}"))
    if not names:
        raise UsageError(f"{task}: app={app} names no component", "Say app=NAME,NAME.")
    return names
