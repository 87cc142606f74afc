"""The errors a person may see: what happened, where, and what to do about it.

OpsError                    1  a fault: the task could not do its work
├── UsageError              2  the command line asks for something that does not exist
├── Refused                 3  a safeguard said no; nothing was changed
├── Incomplete              4  some parts were not done; run the task again
└── Interrupted           130  stopped by the person or by SIGTERM (143)

The numbers are exit codes. Packages add subclasses of these where a caller must
tell cases apart; a subclass never changes the exit code of its parent.
"""

from __future__ import annotations

from collections.abc import Iterable

DIFFERENT = 1
"""Exit code of a comparison that found differences (no error: it did its work)."""

_WORST_FIRST = (130, 143, 3, 1, 4, 2, 0)


class OpsError(Exception):
    """A fault, told in `message` (what and where) and `hint` (what to do)."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(OpsError):
    """The command line names something unknown, or matches nothing."""

    exit_code = 2


class Refused(OpsError):
    """A safeguard said no: host key, lock, limit, wrong controller, sample, no inventory."""

    exit_code = 3


class Incomplete(OpsError):
    """Some parts were not done; running the task again does just those."""

    exit_code = 4


class Interrupted(OpsError):
    """Stopped from outside; what was done so far is recorded."""

    exit_code = 130

    def __init__(self, message: str, hint: str = "", *, terminated: bool = False) -> None:
        super().__init__(message, hint)
        if terminated:
            self.exit_code = 143


def worst(codes: Iterable[int]) -> int:
    """Return the exit code that stands for several: the worst of 130, 143, 3, 1, 4, 2, 0.

    Nothing at all is 0. A code outside the list counts as a fault (1).
    """
    seen = {code if code in _WORST_FIRST else 1 for code in codes}
    return next((code for code in _WORST_FIRST if code in seen), 0)
