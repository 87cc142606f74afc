"""What every host can do, over whatever opens a session: run, start, put, get."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.errors import OpsError
from ops.remote import files
from ops.remote.command import Command
from ops.remote.endpoint import Become
from ops.remote.errors import (
    CommandFailed,
    CommandTooLong,
    SudoRefused,
    TimedOut,
    TransferFailed,
    ending,
    shortened,
)
from ops.remote.guard import KILL_AFTER, SILENCE, guarded
from ops.remote.host import Result, Sink
from ops.remote.program import Program, Session

GRACE = KILL_AFTER + 5.0
"""Seconds we wait for a host to end a command by itself before we give up on the host."""

_TIMED_OUT = (124, -9)
"""How `timeout` ends: 124, or killed by its own SIGKILL when SIGTERM was not enough."""

_LONGEST = 128 * 1024 - 1
"""Bytes that Linux takes as one argument, which a line is to the shell that gets it."""


class Shell(ABC):
    """A host (`ops.remote.host.Host`); subclasses say how one line is started."""

    name: str
    user: str
    become: Become

    @abstractmethod
    def _open(self, line: bytes) -> Session:
        """Start the line, its standard input open."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    def run(
        self,
        command: Command,
        *,
        check: bool = True,
        timeout: float | None = None,
        sink: Sink | None = None,
    ) -> Result:
        """Run the command to its end and return what it left; see Host.run."""
        result = self._finish(guarded(command, seconds=timeout or 0), command, timeout, sink)
        if result.code and command.root:
            self._check_sudo(result)
        if result.code and check:
            raise CommandFailed(self.name, result)
        return result

    def start(self, command: Command, *, feed: Iterable[bytes] | None = None) -> Program:
        """Start the command and return at once; see Host.start."""
        if feed is not None:
            return self._program(command, command, feed=feed, lifeline=True)
        return self._program(
            guarded(command, silence=SILENCE), command, lifeline=True, beating=True
        )

    def put(
        self, content: bytes | Path, path: str, *, mode: int = 0o600, root: bool = False
    ) -> None:
        """Make the file at `path` hold the content, at once or not at all; see Host.put."""
        with files.source(content) as (size, chunks):
            command = files.put_command(path, size, mode, root=root)
            with self._program(command, command, feed=chunks) as program:
                result = _finished(program, command)
        self._check_transfer(result, f"{path} could not be written")

    def get(self, path: str, to: Path, *, root: bool = False) -> None:
        """Copy the host's file to the local path, at once or not at all; see Host.get."""
        command = files.get_command(path, root=root)
        with files.Arriving(to) as arriving:
            result = self._finish(guarded(command), command, None, arriving.write)
            self._check_transfer(result, f"{path} could not be read")
            if arriving.missing:
                raise TransferFailed(f"{self.name}: {path}: {arriving.missing} bytes are missing")
            arriving.complete()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _program(
        self,
        prepared: Command,
        command: Command,
        *,
        feed: Iterable[bytes] | None = None,
        lifeline: bool = False,
        beating: bool = False,
    ) -> Program:
        self._check_root(command)
        line = prepared.line(self.become)
        if len(line) > _LONGEST:
            raise CommandTooLong(self.name, command)
        octets = prepared.feed() if feed is None else feed
        session = self._open(line)
        return Program(self.name, command, session, octets, lifeline=lifeline, beating=beating)

    def _finish(
        self, prepared: Command, command: Command, timeout: float | None, sink: Sink | None
    ) -> Result:
        began = time.monotonic()
        with self._program(prepared, command, lifeline=True) as program:
            result = _finished(program, command, timeout, sink)
        if timeout and result.code in _TIMED_OUT and time.monotonic() - began >= timeout:
            raise TimedOut(f"{self.name}: {shortened(str(command))} took more than {timeout:g} s")
        return result

    def _check_transfer(self, result: Result, what: str) -> None:
        if not result.code:
            return
        if result.command.root:
            self._check_sudo(result)
        raise TransferFailed(f"{self.name}: {what}: {ending(result)}")

    def _check_root(self, command: Command) -> None:
        if command.root and self.become == "none" and self.user != "root":
            raise OpsError(
                f"{self.name}: {shortened(str(command))} needs root, and {self.user} is not root",
                "set `become: sudo` for the host, or log in as root",
            )

    def _check_sudo(self, result: Result) -> None:
        """Raise SudoRefused when a failed command failed because sudo does."""
        if self.become != "sudo" or b"sudo" not in result.err:
            return
        probe = Command(("true",), root=True)
        with self._program(probe, probe) as program:
            answer = _finished(program, probe)
        if answer.code:
            hint = f"give {self.user} passwordless sudo there: {self.user} ALL=(ALL) NOPASSWD: ALL"
            raise SudoRefused(self.name, replace(answer, command=result.command), hint)


def _finished(
    program: Program, command: Command, timeout: float | None = None, sink: Sink | None = None
) -> Result:
    """Read a program to its end. Raise TimedOut when even the host does not answer any more."""
    out: list[bytes] = []
    until = time.monotonic() + timeout + GRACE if timeout else None
    while chunk := program.read(_left(until)):
        (sink or out.append)(chunk)
    if chunk is None:
        what = f"{program.host}: {shortened(str(command))}"
        raise TimedOut(f"{what}: no end after {timeout:g} s, nor an answer")
    code = program.wait(_left(until))
    return Result(command, code, b"".join(out), program.err)


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())
