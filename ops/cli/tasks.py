"""The one typed wrapper of Invoke's @task: what a task of this suite may declare.

Example, fabfile/backup.py::

    from ops.cli import Context, task

    @task(app="many", asks=True, help={"allow_deletes": "delete up to this many snapshots"})
    def prune(
        context: Context, app: str, *,
        plan: bool = False, expect: str = "", yes: bool = False, allow_deletes: int = 0,
    ) -> int | None:
        \"\"\"Delete the snapshots that the retention policy no longer keeps.\"\"\"
        from ops.backup import retention      # heavy imports inside, for a quick `fab --list`
        from ops.cli import repository, settle
        decided = retention.plan(repository().component(app), ...)
        if not settle(decided, show=plan, expect=expect, yes=yes):
            return 0                           # plan=true, or nothing to do: it has been shown
        ...carry it out...
        return 0                               # the exit code; None is 0; errors are raised

The body always works on ONE component: `app=a,b` and `app=all` call it once each.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from invoke.context import Context
from invoke.tasks import Task as InvokeTask

from ops.cli.rules import Ahead, App, Candidates, Rules

if TYPE_CHECKING:
    from invoke.parser.argument import Argument as InvokeArgument

P = ParamSpec("P")
Body = Callable[Concatenate[Context, P], int | None]


def task(
    *,
    app: App = "none",
    name: str = "",
    default: bool = False,
    asks: bool = False,
    one_after_another: bool = False,
    candidates: Candidates | None = None,
    in_order: bool = False,
    partial: bool = False,
    ahead: Ahead | None = None,
    help: Mapping[str, str] | None = None,
) -> Callable[[Body[P]], Body[P]]:
    """Make a function a task; what it may be given is its signature.

    The first parameter is the context, each other one an argument under its own name with
    dashes. Its annotation is str, int, float, bool or a Literal of strings; without a default it
    must be given, and plain words fill such arguments in order. The function returns its exit
    code or None, prints through ops.cli.output and raises OpsError; nothing else is needed.

    `app` says how many components the parameter of that name takes. "one": exactly one. "many":
    `a,b` and `all` too. "optional": as many, and without it those that `candidates` returns,
    as (names in order, {other name: why it is left out}). "together": as many, and the body is
    called once for all of them, with "" for the whole fleet. Otherwise it is called once for each
    component, side by side in processes of their own, or `one_after_another` (transfers over
    one link); one failure does not stop the rest. With `in_order` a component begins when those
    that it depends on have ended, well or not. With `partial`, some that failed beside others that
    were done leave the whole incomplete (4). `ahead` loads what all their processes need, once
    and before they are made. A task that may ask on a terminal says `asks` and has a parameter
    `yes`. `name` is the task's name where Python's differs, `default` makes it the one that the
    module's name alone runs. `help` has a line for each own argument; plan, expect, yes, json and
    app have theirs. A parameter `json` also turns the output to JSON.
    """
    rules = Rules(
        app, asks, one_after_another, candidates, dict(help or {}), in_order, partial, ahead
    )

    def wrap(body: Body[P]) -> Body[P]:
        rules.check(body)
        return Task(body, rules, name or body.__name__, default)

    return wrap


class Task(InvokeTask[Any]):
    """An Invoke task with the signature and the rules of this suite."""

    def __init__(
        self, body: Callable[..., int | None], rules: Rules, name: str, default: bool
    ) -> None:
        super().__init__(body, name=name, default=default, positional=(), auto_shortflags=False)
        self.rules = rules
        self.title = name
        """Its whole name; the tree puts the noun in front."""

    def __call__(self, *args: Any, **values: Any) -> Any:
        """Run the task for each of its components and return its exit code, 0 for None."""
        from ops.cli import conduct

        context, *rest = args
        bound = inspect.signature(self.body).bind(context, *rest, **values).arguments
        bound.pop(next(iter(bound)))
        return conduct.conduct(self.body, context, bound, self.rules, self.title)

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[InvokeArgument]:
        """Return what Invoke shows of the arguments; the parsing is done by grammar.read."""
        del ignore_unknown_help
        return super().get_arguments(ignore_unknown_help=True)
