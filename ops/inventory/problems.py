"""What is wrong with the inventory, told with its place, all at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.errors import OpsError


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in one file; `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    words: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.words}"


class Broken(OpsError):
    """The inventory can't be used as it is: every problem on a line of its own."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__(
            "\n".join(str(problem) for problem in self.problems),
            "Correct the inventory; `fab inventory.validate` checks all of it.",
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` for the known word nearest to `word`, else what is known.

    Of many known words only a few are told; of none, nothing.
    """
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    if not words:
        return ""
    more = "" if len(words) <= 12 else ", ..."
    return f"; known: {', '.join(words[:12])}{more}"
