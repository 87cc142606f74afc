"""What stands between a plan and its being carried out: it is shown, and a person agrees."""

from __future__ import annotations

from ops.cli import output
from ops.errors import Refused
from ops.plan import Plan, require


def settle(plan: Plan, *, show: bool, expect: str = "", yes: bool = False) -> bool:
    """Print the plan and return whether to carry it out now.

    False when it is empty, and with `show` (plan=true). Raise Refused when it is not the one
    that `expect` tells the digest of, when the person says no, and when it has steps that need
    a yes (delete, replace, purchase, switch) while nobody can be asked.
    """
    output.say(*plan.lines())
    if not show:
        require(plan, expect)
    if show or not plan:
        output.document(plan.data())
        return False
    agree(plan, yes=yes)
    return True


def agree(plan: Plan, *, yes: bool = False) -> None:
    """Return when the plan may be carried out: nothing in it asks, `yes`, or a person says so.

    Raise Refused otherwise.
    """
    asks = plan.asks()
    if not asks or yes:
        return
    effects = ", ".join(sorted({step.effect for step in asks}))
    if not output.is_terminal_input():
        raise Refused(
            f"{plan.target}: {len(asks)} of its steps need a yes ({effects})",
            "Without a terminal say yes=true, with expect= to bind it to the plan you read.",
        )
    if output.ask(f"Carry it out ({effects})? [y/N] ").strip().lower() not in ("y", "yes"):
        raise Refused(f"{plan.target}: not carried out", "You said no; nothing was changed.")
