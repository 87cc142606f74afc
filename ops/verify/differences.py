"""What a comparison of two sides finds: differences by path, and how much is the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["missing", "extra", "different", "moved", "metadata", "unread"]
"""`unread`: one side at least did not read it to its end, so nobody knows; of a folder, nor what
is below it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One path that is not the same on both sides; `words` says what differs.

    `to` is where a moved file is on the right.
    """

    path: bytes
    kind: Kind
    words: str = ""
    to: bytes = b""


@dataclass
class Comparison:
    """What a comparison found; `files` counts those with the same content on both sides."""

    files: int = 0
    differences: list[Difference] = field(default_factory=list)

    def of(self, *kinds: Kind) -> list[Difference]:
        """Return the differences of these kinds."""
        return [difference for difference in self.differences if difference.kind in kinds]


def verdict(found: Comparison) -> Literal["same", "different", "incomplete"]:
    """Return what a comparison alone amounts to; metadata does not count."""
    kinds = {difference.kind for difference in found.differences} - {"metadata"}
    if kinds - {"unread"}:
        return "different"
    return "incomplete" if kinds else "same"


def counts(found: Comparison) -> dict[str, int]:
    """Return how many differences of each kind there are."""
    return dict(Counter[str](difference.kind for difference in found.differences))
