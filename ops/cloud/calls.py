"""How a call is made: throttled ones wait their turn, long answers come in pages."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MethodType
from typing import Any, ParamSpec, TypeVar, cast

from ops.cloud.errors import THROTTLED, CloudError
from ops.cloud.faults import translated
from ops.cloud.session import Cloud

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Wait:
    """How long to wait for a change: `attempts` looks, `delay` seconds apart."""

    delay: float = 3
    attempts: int = 200


def ask(cloud: Cloud, subject: str, call: Callable[P, T], /, *args: P.args, **given: P.kwargs) -> T:
    """Return what the client's method `call` answers; `subject` names what it is about.

    A throttled call was not carried out, so it is made again after a pause, also one that
    has no token. Raise CloudError for everything that botocore raises.
    """
    return _patiently(cloud, operation(call), subject, lambda: call(*args, **given))


def pages(cloud: Cloud, subject: str, call: Callable[..., Any], /, **given: Any) -> list[Any]:
    """Return all pages of a paginated call, asked for one by one until the last."""
    client, method = _bound(call)
    paginator = client.get_paginator(method)
    return _patiently(cloud, operation(call), subject, lambda: list(paginator.paginate(**given)))


def until(wait: Wait, look: Callable[[], T | None], *, subject: str, goal: str) -> T:
    """Return what `look` finds, looking again and again while it finds None.

    Raise CloudError (WaitTimedOut) when the looks are used up.
    """
    for attempt in range(wait.attempts):
        found = look()
        if found is not None:
            return found
        if attempt + 1 < wait.attempts:
            time.sleep(wait.delay)
    raise CloudError(
        "WaitTimedOut",
        "",
        subject,
        f"not {goal} after {wait.attempts * wait.delay:g} seconds",
        "It may still get there: run the task again, or look at it in the AWS console.",
    )


def utc(moment: datetime | None) -> datetime | None:
    """Return a moment in UTC; botocore gives it in the zone of this machine."""
    return moment.astimezone(UTC) if moment else None


def operation(call: Callable[..., Any]) -> str:
    """Return the API's name of a client's method: "RunInstances" for `ec2.run_instances`."""
    client, method = _bound(call)
    return str(client.meta.method_to_api_mapping[method])


def _bound(call: Callable[..., Any]) -> tuple[Any, str]:
    """Return the client that a method belongs to, and the method's name."""
    method = cast(MethodType, call)
    return method.__self__, method.__name__


def _patiently(cloud: Cloud, name: str, subject: str, call: Callable[[], T]) -> T:
    for delay in cloud.throttle_delays:
        try:
            return translated(name, subject, call)
        except CloudError as error:
            if error.code not in THROTTLED:
                raise
        time.sleep(delay * random.uniform(0.75, 1.25))  # noqa: S311 - spreads callers, no secret
    return translated(name, subject, call)
