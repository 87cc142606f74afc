"""Words for mistakes on the command line: what is unknown, and what was perhaps meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ops.errors import UsageError


def nearest(word: str, known: Iterable[str], form: str = "{}") -> str:
    """Return "Did you mean ...?" with the known word most like `word`, or "" when none is.

    `form` is how the known word is shown, `app={}` for one.
    """
    from difflib import get_close_matches

    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {form.format(found[0])}?" if found else ""


def no_task(word: str, known: list[str], after: str = "") -> UsageError:
    """Return the error for `word`, which is no task; `after` names the task that stands before."""
    where = f", and {after} takes no more plain words" if after else ""
    meant = _meant_task(word, known)
    return UsageError(f"there is no task {word}{where}", meant or "`fab --list` shows all tasks.")


def no_argument(task: str, typed: str, known: list[str]) -> UsageError:
    """Return the error for an argument that `task` does not have."""
    meant = nearest(typed.replace("_", "-"), known, "{}=")
    if not meant:
        meant = (
            f"It takes {', '.join(f'{name}=' for name in known)}." if known else "It takes none."
        )
    return UsageError(f"{task} has no argument {typed}", meant)


def _meant_task(word: str, known: list[str]) -> str:
    by_last = [name for name in known if name.rpartition(".")[2] == word]
    if by_last:
        return f"Did you mean {' or '.join(sorted(by_last))}?"
    return nearest(word, known)
