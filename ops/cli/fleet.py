"""One piece of work over several components, side by side or one after another.

Side by side means a process for each: it has its own signals, connections and faults, and ends
with its own exit code. Its output comes back line by line under the component's name. One
failure does not stop the rest; an interrupt stops all of them, each cleanly.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO, Any, Literal, TextIO

from ops.cli import faults, output
from ops.cli.signals import KINDS, Terminated

Work = Callable[[], int | None]
After = Mapping[str, Sequence[str]]
"""What each work waits for; names that are no work here are passed over."""
Stream = Literal["out", "aside", "document"]

LIMIT = 8
"""This many processes at once."""

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, linux/prctl.h


@dataclass
class Outcome:
    """How the work for one component ended, its error's message, its JSON document if it made one.

    A work may end with a code of its own and no error: what it has told stands in its output.
    """

    name: str
    code: int = 0
    error: str = ""
    document: object = None


@dataclass
class _Child:
    outcome: Outcome
    process: int
    streams: dict[int, Stream] = field(default_factory=dict)
    rest: dict[int, bytes] = field(default_factory=dict)


def in_turn(works: Mapping[str, Work], after: After = MappingProxyType({})) -> list[Outcome]:
    """Return the outcomes of the works, done here one after another, in the order of `after`."""
    waiting = list(works)
    outcomes = {}
    while waiting:
        name = next(iter(_free(waiting, [], after)), waiting[0])
        waiting.remove(name)
        output.say_aside(f"--- {name}")
        outcomes[name] = _here(name, works[name])
    return [outcomes[name] for name in works]


def side_by_side(
    works: Mapping[str, Work], limit: int = LIMIT, *, after: After = MappingProxyType({})
) -> list[Outcome]:
    """Return the outcomes of the works in their order, done in at most `limit` processes.

    A work begins when those that it comes `after` have ended, however they ended.
    Raise KeyboardInterrupt when interrupted, after all processes have ended.
    """
    waiting = list(works)
    running: list[_Child] = []
    outcomes = {name: Outcome(name) for name in works}
    try:
        with selectors.DefaultSelector() as selector:
            while waiting or running:
                under_way = [child.outcome.name for child in running]
                free = _free(waiting, under_way, after) or ([] if running else waiting[:1])
                for name in free[: limit - len(running)]:
                    waiting.remove(name)
                    with _undisturbed() as mask:
                        running.append(_start(outcomes[name], works[name], selector, mask))
                _relay(selector, running)
    except KeyboardInterrupt as interrupt:
        _stop(running, signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT)
        raise
    return list(outcomes.values())


def _free(waiting: list[str], running: list[str], after: After) -> list[str]:
    """Return what may begin: nothing it comes after is still to be done. A circle frees nobody."""
    left = {*waiting, *running}
    return [name for name in waiting if not left.intersection(after.get(name, ()))]


def _here(name: str, work: Work) -> Outcome:
    outcome = Outcome(name)

    def keep(data: object) -> None:
        outcome.document = data

    with output.documents_to(keep):
        try:
            outcome.code = work() or 0
        except Exception as error:  # the one place that turns a component's error into words
            told = faults.tell(error, name)
            outcome.code, outcome.error = told.exit_code, told.message
            if outcome.document is None:
                outcome.document = {"error": str(error)}
    return outcome


@contextmanager
def _undisturbed() -> Iterator[set[int]]:
    """Let signals wait, so that none finds a process that is not as the list of them says.

    Give those that waited before.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, KINDS)
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(
    outcome: Outcome, work: Work, selector: selectors.BaseSelector, mask: set[int]
) -> _Child:
    pipes: dict[Stream, tuple[int, int]] = {
        "out": os.pipe(),
        "aside": os.pipe(),
        "document": os.pipe(),
    }
    _flush()
    process = os.fork()
    if process == 0:
        _become(outcome.name, work, pipes, mask)
    child = _Child(outcome, process)
    for stream, (reading, writing) in pipes.items():
        os.close(writing)
        child.streams[reading] = stream
        child.rest[reading] = b""
        selector.register(reading, selectors.EVENT_READ, child)
    return child


def _become(name: str, work: Work, pipes: Mapping[Stream, tuple[int, int]], mask: set[int]) -> None:
    """Do the work as the child process and end it; never return."""
    code = 1
    try:
        os.setsid()  # the terminal's ^C reaches the parent alone, which passes it on once
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
        nowhere = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nowhere), (1, pipes["out"][1]), (2, pipes["aside"][1])):
            os.dup2(source, target)
        sys.stdout, sys.stderr = _text_to(1), _text_to(2)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        with os.fdopen(pipes["document"][1], "w") as document:
            code = _done(name, work, document)
    except KeyboardInterrupt as interrupt:
        code = faults.report(interrupt)
    finally:
        _flush()
        os._exit(code)


def _text_to(target: int) -> TextIO:
    return os.fdopen(target, "w", encoding="utf-8", errors="surrogateescape", closefd=False)


def _done(name: str, work: Work, document: IO[str]) -> int:
    outcome = _here(name, work)
    document.write(output.as_text({"error": outcome.error, "document": outcome.document}))
    return outcome.code


def _relay(selector: selectors.BaseSelector, running: list[_Child]) -> None:
    for key, _events in selector.select():
        child: _Child = key.data
        chunk = os.read(key.fd, 65536)
        if chunk:
            child.rest[key.fd] = _pass_on(child, key.fd, child.rest[key.fd] + chunk)
            continue
        if rest := child.rest[key.fd]:
            child.rest[key.fd] = _pass_on(child, key.fd, rest + b"\n")
        told = ""
        with _undisturbed():
            selector.unregister(key.fd)
            _finish_stream(child, key.fd)
            if not child.streams:
                told = _reap(child)
                running.remove(child)
        if told:
            output.say_aside(told)


def _pass_on(child: _Child, reading: int, text: bytes) -> bytes:
    stream = child.streams[reading]
    if stream == "document":
        return text
    *whole, rest = text.split(b"\n")
    tell = output.say if stream == "out" else output.say_aside
    tell(*(_prefixed(child.outcome.name, line) for line in whole))
    return rest


def _prefixed(name: str, line: bytes) -> str:
    text = line.decode("utf-8", "surrogateescape")
    return text if text.startswith((f"{name}:", f"{name} ")) else f"{name}: {text}"


def _finish_stream(child: _Child, reading: int) -> None:
    rest = child.rest.pop(reading)
    if child.streams[reading] == "document":
        told = _told(rest)
        child.outcome.error = told.get("error", "")
        child.outcome.document = told.get("document")
    del child.streams[reading]
    os.close(reading)


def _told(text: bytes) -> dict[str, Any]:
    """Return what a process told at its end: nothing, when it was killed before or meanwhile."""
    try:
        told: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return told


def _reap(child: _Child) -> str:
    """Take note of how a process ended; return what there is to tell of that."""
    _process, status = os.waitpid(child.process, 0)
    child.outcome.code = os.waitstatus_to_exitcode(status)
    if child.outcome.code >= 0:
        return ""
    child.outcome.error = f"ended by signal {-child.outcome.code}"
    child.outcome.code = 1
    return f"{child.outcome.name}: {child.outcome.error}"


def _stop(running: list[_Child], number: signal.Signals) -> None:
    for child in running:
        os.kill(child.process, number)
    try:
        with selectors.DefaultSelector() as selector:
            for child in running:
                for reading in child.streams:
                    selector.register(reading, selectors.EVENT_READ, child)
            while running:
                _relay(selector, running)
    except KeyboardInterrupt:
        for child in running:
            os.kill(child.process, signal.SIGKILL)
            os.waitpid(child.process, 0)
        raise


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
