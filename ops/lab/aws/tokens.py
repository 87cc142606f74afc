"""Client tokens as EC2 honours them: the same token makes a thing once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ops.errors import OpsError

_NO_WISH = frozenset({"ClientToken", "DryRun"})
"""Parameters that say how to ask, not what for."""


class Mismatch(OpsError):
    """A token was used before, with other parameters."""


@dataclass(frozen=True)
class Answer:
    """What a call made, and whether an earlier call with the same token had made it."""

    result: object
    repeated: bool


@dataclass
class _Entry:
    lock: threading.Lock
    digest: str = ""
    result: object = None


class Tokens:
    """The tokens seen, with what was asked for and what was made; safe among threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str, str], _Entry] = {}

    def once(
        self,
        key: tuple[str, str, str],
        parameters: Mapping[str, object],
        work: Callable[[], object],
    ) -> Answer:
        """Return what `work` makes, or made when this key (region, action, token) was new.

        A call without a token ("") always works anew. Work that raises leaves the token
        unused. Raise Mismatch when the parameters are not those of the first time.
        """
        if not key[2]:
            return Answer(work(), repeated=False)
        with self._lock:
            entry = self._entries.setdefault(key, _Entry(threading.Lock()))
        digest = _digest(parameters)
        with entry.lock:
            if entry.digest and entry.digest != digest:
                raise Mismatch(f"token {key[2]} was used with other parameters")
            if entry.digest:
                return Answer(entry.result, repeated=True)
            entry.result = work()
            entry.digest = digest
            return Answer(entry.result, repeated=False)


def _digest(parameters: Mapping[str, object]) -> str:
    wished = {key: value for key, value in parameters.items() if key not in _NO_WISH}
    canonical = json.dumps(wished, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
