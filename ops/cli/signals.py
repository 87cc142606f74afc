"""SIGINT and SIGTERM: both stop a task as cleanly as its end.

Work sees KeyboardInterrupt (Terminated is one), so `finally` and `with` blocks clean up. A
second signal while they do is only answered; the third one stops the cleaning, too.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from ops.cli.output import say_aside

PATIENCE = 2
"""This many signals come through as one."""


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived, or the terminal went away."""


KINDS: Mapping[signal.Signals, type[KeyboardInterrupt]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
    signal.SIGHUP: Terminated,
}


@contextmanager
def stopping() -> Iterator[None]:
    """Turn SIGINT into KeyboardInterrupt, SIGTERM and SIGHUP into Terminated within the block.

    A signal that the caller had ignored (nohup, a job in the background) stays ignored.
    """
    seen = 0

    def raiser(kind: type[KeyboardInterrupt]) -> Callable[[int, FrameType | None], None]:
        def handle(_number: int, _frame: FrameType | None) -> None:
            nonlocal seen
            seen += 1
            if seen == 1 or seen > PATIENCE:
                raise kind
            say_aside("stopping; once more to leave without cleaning up")

        return handle

    before = {
        number: signal.signal(number, raiser(kind))
        for number, kind in KINDS.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
