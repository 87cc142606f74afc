"""A host: where commands run and files are put, whether over SSH or on this machine."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ops.remote.command import Command

Sink = Callable[[bytes], None]
"""Receives standard output chunk by chunk, in order, in the thread that called `run`."""


@dataclass(frozen=True)
class Result:
    """What a command left: exit code, standard output and standard error as bytes.

    `code` is the exact exit code; negative means killed by that signal (-9: SIGKILL), as in
    Python's subprocess. `out` is empty when a sink received the output.
    """

    command: Command
    code: int
    out: bytes
    err: bytes

    @property
    def signal(self) -> str:
        """Return the name of the signal that killed the command, or "" when it ended itself."""
        return signal_name(-self.code) if self.code < 0 else ""


class Running(Protocol):
    """A command that runs for long: read as it goes, ended when it is no longer wanted."""

    command: Command

    @property
    def err(self) -> bytes:
        """What came on standard error so far."""

    def read(self, timeout: float | None = None) -> bytes | None:
        """Return the next chunk of standard output, b"" at its end, None when the time is over."""

    def lines(self) -> Iterator[bytes]:
        """Yield standard output line by line, without the line ends."""

    def poll(self) -> int | None:
        """Return the exit code, or None while the command runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when the command has ended. Raise TimedOut."""

    def end(self) -> None:
        """End the command and its children (SIGTERM, later SIGKILL), if it still runs."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Host(Protocol):
    """A machine on which commands run. Usable by several threads at once."""

    name: str
    """The key name (`wiki.cloud.main`), or "this machine"."""

    def run(
        self,
        command: Command,
        *,
        check: bool = True,
        timeout: float | None = None,
        sink: Sink | None = None,
    ) -> Result:
        """Run the command to its end and return what it left.

        Raise CommandFailed when `check` and the code is not 0, SudoRefused when sudo says no,
        TimedOut after `timeout` seconds (the host itself ends the command and its children),
        Unreachable when the connection is lost.
        """

    def start(self, command: Command, *, feed: Iterable[bytes] | None = None) -> Running:
        """Start the command and return at once.

        It ends by itself within 30 seconds when this program or the connection is gone. With
        `feed` its standard input is what that yields, in a thread of its own, and stays open
        until `end`; then the command itself has to watch its input, and how long it is silent.
        """

    def put(
        self, content: bytes | Path, path: str, *, mode: int = 0o600, root: bool = False
    ) -> None:
        """Make the file at `path` hold the content, at once or not at all.

        A Path is a local file, streamed. The owner is who writes: the user, or root. Raise
        TransferFailed; the old file is then as before.
        """

    def get(self, path: str, to: Path, *, root: bool = False) -> None:
        """Copy the host's file to the local path `to`, at once or not at all (mode 0600)."""

    def close(self) -> None:
        """Close the connection, and end what still runs on it. Harmless when done twice."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def signal_name(number: int) -> str:
    """Return "SIGKILL" for 9, "signal 99" for what this machine does not know."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
