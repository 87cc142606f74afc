"""Faults that the lab's AWS commits on demand: refusals, throttling, delays, lost replies."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, get_args

from ops.errors import UsageError

Kind = Literal["error", "throttle", "delay", "lost"]
_KINDS: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "Kind": str,
    "int": int,
    "float": (int, float),
}


@dataclass(frozen=True)
class Fault:
    """What goes wrong with an API call, and how often.

    *error*: refused with `code` and `status`, nothing is done. *throttle*: the same, as
    RequestLimitExceeded. *delay*: carried out `seconds` late. *lost*: carried out, then the
    connection is closed without an answer. `action` is an API call or "*"; the first `skip`
    calls are spared, then `times` calls are hit.
    """

    action: str
    kind: Kind = "error"
    times: int = 1
    skip: int = 0
    code: str = "InternalError"
    message: str = "injected by the lab"
    status: int = 400
    seconds: float = 0

    def data(self) -> dict[str, object]:
        """Return the fault as JSON data."""
        return asdict(self)


def fault(data: Mapping[str, object]) -> Fault:
    """Return the Fault that JSON data describes. Raise UsageError when it describes none."""
    if not isinstance(data, Mapping):
        raise UsageError(f"no fault: {data!r}", 'One is an object, such as {"action": "*"}.')
    known = {field.name: _KINDS[str(field.type)] for field in fields(Fault)}
    unknown = sorted(set(data) - set(known))
    if unknown or not isinstance(data.get("action"), str):
        raise UsageError(f"no fault: {unknown or 'no action'}", f"Known are {', '.join(known)}.")
    kind = data.get("kind", "error")
    if kind not in get_args(Kind):
        raise UsageError(f"no kind of fault: {kind}", f"Known are {', '.join(get_args(Kind))}.")
    if wrong := sorted(name for name in data if not isinstance(data[name], known[name])):
        raise UsageError(f"no fault: wrong type of {', '.join(wrong)}")
    found = Fault(**data)  # type: ignore[arg-type] # checked above
    return _throttled(found) if found.kind == "throttle" else found


def _throttled(given: Fault) -> Fault:
    message = "Request limit exceeded."
    return replace(given, kind="error", code="RequestLimitExceeded", message=message, status=503)


class Faults:
    """The faults still to come, and how often each API call was made; safe among threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[Fault] = []
        self._calls: Counter[str] = Counter()

    def add(self, *given: Fault) -> None:
        """Let these faults happen, after those that are pending for the same call."""
        made = [_throttled(one) if one.kind == "throttle" else one for one in given]
        with self._lock:
            self._pending.extend(made)

    def clear(self) -> None:
        """Forget all pending faults, and the count of calls."""
        with self._lock:
            self._pending.clear()
            self._calls.clear()

    def pending(self) -> tuple[Fault, ...]:
        """Return the faults that are still to come."""
        with self._lock:
            return tuple(self._pending)

    def calls(self) -> dict[str, int]:
        """Return how often each API call arrived, the failed ones too."""
        with self._lock:
            return dict(self._calls)

    def take(self, action: str) -> Fault | None:
        """Count one call of `action`, and return the fault it is hit by, or None."""
        with self._lock:
            self._calls[action] += 1
            for index, pending in enumerate(self._pending):
                if pending.action not in {action, "*"}:
                    continue
                if pending.skip:
                    self._pending[index] = replace(pending, skip=pending.skip - 1)
                    continue
                self._use(index, pending)
                return pending
        return None

    def _use(self, index: int, pending: Fault) -> None:
        if pending.times > 1:
            self._pending[index] = replace(pending, times=pending.times - 1)
        else:
            del self._pending[index]
