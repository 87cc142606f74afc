"""A run's line on the target, and how it is made to last as long as the run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ops.errors import OpsError
from ops.migrate.engine.keys import Keys

EVERY = 6 * 3600.0
"""Seconds between two renewals of a line that is good for a day."""


class Pass:
    """The run's line: good until `expiry`, from anywhere first, and then from one address.

    `line` makes it, given the address and the expiry.
    """

    def __init__(self, keys: Keys, line: Callable[[str, str], bytes], expiry: str) -> None:
        self._keys = keys
        self._line = line
        self._expiry = expiry
        self._address = ""
        self._lock = threading.Lock()

    def let(self, address: str = "") -> None:
        """Put the line in, for this address."""
        with self._lock:
            self._address = address
            self._keys.let(self._line(address, self._expiry))

    def renew(self, expiry: str) -> None:
        """Put the line in anew, good until `expiry`."""
        with self._lock:
            self._expiry = expiry
            self._keys.let(self._line(self._address, expiry))


@contextmanager
def renewed(renew: Callable[[], None]) -> Iterator[None]:
    """Call `renew` every so often in the block; what fails once is tried the next time."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY):
            with suppress(OpsError):
                renew()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
