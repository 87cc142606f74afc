"""Work that is done on both ends at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ops.remote.fanout import each


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Do all of it, each in a thread of its own, and return what each gave, in order.

    All of it ends before this does; then the first error, in the order given, is raised.
    """
    outcomes = each(works, lambda work: work())
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    return [outcome.value for outcome in outcomes]
