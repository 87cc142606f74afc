"""A progress bar that nobody sees."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


class Silence:
    """Hears what is done, and says nothing."""

    def begin(self, phase: str, total_bytes: int | None, total_files: int | None) -> None:
        """Do nothing."""

    def at(self, bytes: int, files: int = 0) -> None:
        """Do nothing."""


def silent(name: str) -> AbstractContextManager[Silence]:
    """Return a bar that nobody sees."""
    return nullcontext(Silence())
