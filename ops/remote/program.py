"""One started command: its streams drained side by side, its end awaited or brought about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from ops.remote.command import Command
from ops.remote.errors import TimedOut, Unreachable
from ops.remote.guard import BEAT, KILL_AFTER

_INLINE = 32 * 1024
"""Bytes that every pipe and channel takes without blocking."""


class Session(Protocol):
    """The bare streams of one started line: an SSH channel, or a local process."""

    def recv(self, timeout: float | None) -> bytes | None:
        """Return what is there of standard output, b"" at its end, None when the time is over."""

    def recv_err(self) -> bytes:
        """Return what is there of standard error, b"" at its end."""

    def send(self, octets: bytes) -> None:
        """Write to standard input. Raise OSError when nobody reads it any more."""

    def close_input(self) -> None:
        """End standard input."""

    def wait(self, timeout: float | None) -> int | None:
        """Return the exit code, negative for a signal, None when the time is over."""

    def close(self) -> None:
        """Let go of everything; the program loses its streams."""


class Program:
    """A running command (`ops.remote.host.Running`) over a session of either kind."""

    def __init__(
        self,
        host: str,
        command: Command,
        session: Session,
        feed: bytes | Iterable[bytes] = b"",
        *,
        lifeline: bool = False,
        beating: bool = False,
    ) -> None:
        self.command = command
        self.host = host
        self._session = session
        self._lifeline = lifeline
        self._err = bytearray()
        self._closed = threading.Event()
        self._drain = _thread(self._drain_err)
        self._feed(feed, beating)

    @property
    def err(self) -> bytes:
        return bytes(self._err)

    def read(self, timeout: float | None = None) -> bytes | None:
        return self._session.recv(timeout)

    def lines(self) -> Iterator[bytes]:
        parts: list[bytes] = []
        while chunk := self.read():
            first, *more = chunk.split(b"\n")
            parts.append(first)
            if more:
                yield b"".join(parts)
                yield from more[:-1]
                parts = [more[-1]]
        if rest := b"".join(parts):
            yield rest

    def poll(self) -> int | None:
        return self._session.wait(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._session.wait(timeout)
        if code is None:
            raise TimedOut(f"{self.host}: {self.command} still runs after {timeout:g} s")
        self._drain.join(KILL_AFTER)
        return code

    def end(self) -> None:
        try:
            if not self._closed.is_set():
                self._closed.set()
                self._hang_up()
        finally:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def _hang_up(self) -> None:
        """Cut the lifeline and give the host the time it needs to end the command."""
        with suppress(OSError):
            self._session.close_input()
        until = time.monotonic() + (KILL_AFTER + 2 if self._lifeline else 0)
        with suppress(Unreachable):  # a lost connection needs no more waiting
            while self._session.wait(0) is None and (left := until - time.monotonic()) > 0:
                if not self._session.recv(min(left, 0.1)):
                    self._session.wait(min(left, 0.1))

    def _feed(self, feed: bytes | Iterable[bytes], beating: bool) -> None:
        if not isinstance(feed, bytes):
            _thread(lambda: self._send_all(feed))
        elif len(feed) > _INLINE:
            _thread(lambda: self._send_all(_sliced(feed), beating=beating))
        else:
            self._send_all([feed] if feed else [])
            if beating:
                _thread(self._beat)

    def _send_all(self, chunks: Iterable[bytes], *, beating: bool = False) -> None:
        """Write and end standard input; a program that stops reading early is its own affair."""
        with suppress(OSError, EOFError):
            for chunk in chunks:
                self._session.send(chunk)
        if not self._lifeline:
            with suppress(OSError, EOFError):
                self._session.close_input()
        if beating:
            self._beat()

    def _beat(self) -> None:
        with suppress(OSError, EOFError):
            while not self._closed.wait(BEAT):
                self._session.send(b".")

    def _drain_err(self) -> None:
        with suppress(OSError, EOFError):
            while chunk := self._session.recv_err():
                self._err += chunk


def _sliced(octets: bytes, size: int = 256 * 1024) -> Iterator[bytes]:
    view = memoryview(octets)
    return (bytes(view[at : at + size]) for at in range(0, len(octets), size))


def _thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
