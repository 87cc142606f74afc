"""What goes wrong with another machine, each case with its own words.

OpsError
├── Unreachable              no connection: refused, no route, name, time-out, log-in, lost
├── CommandTooLong           a command does not fit on the line that Linux allows
├── CommandFailed            a command ended with another code than 0
│   └── SudoRefused          sudo itself said no, or asked for a password
├── TimedOut                 something took longer than it was given
└── TransferFailed           a file did not arrive whole
Refused
└── HostKeyRefused      3    the host's key is wrong, unknown or revoked
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.errors import OpsError, Refused

if TYPE_CHECKING:
    from ops.remote.command import Command
    from ops.remote.host import Result

_LINES = 10


class HostKeyRefused(Refused):
    """The host did not prove to be the one that was pinned; nothing was sent to it."""


class Unreachable(OpsError):
    """There is no connection to the host, or it was lost."""


class TimedOut(OpsError):
    """Something took longer than it was given."""


class TransferFailed(OpsError):
    """A file could not be moved, or did not arrive whole; what it was to replace is as before."""


class CommandFailed(OpsError):
    """A command ended with another code than 0; `result` holds all of it."""

    def __init__(self, host: str, result: Result, hint: str = "") -> None:
        self.result = result
        super().__init__(f"{host}: {shortened(str(result.command))} {ending(result)}", hint)


class CommandTooLong(OpsError):
    """A command does not fit into the 128 KiB that Linux takes as one argument."""

    def __init__(self, host: str, command: Command) -> None:
        super().__init__(
            f"{host}: {shortened(str(command))}: too long to be started",
            "give long lists on standard input, or put them into a file",
        )


class SudoRefused(CommandFailed):
    """sudo did not start the command."""


def ending(result: Result) -> str:
    """Return how a command ended, in words, with the last lines of its standard error."""
    how = f"was killed by {result.signal}" if result.signal else f"ended with {result.code}"
    said = result.err.decode("utf-8", "backslashreplace").strip().splitlines()[-_LINES:]
    return how + (": " + "\n".join(said) if said else "")


def shortened(text: str, limit: int = 160) -> str:
    """Return the text on one line, cut in the middle when it is longer than the limit."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 30]} ... {line[-25:]}"
