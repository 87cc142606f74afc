"""What a task tells the person, or the script, that started it.

`say` and `table` are for people and go to standard output; `document` is the result as JSON.
With json=true the document alone goes to standard output, all else to standard error. What
comes from hosts goes through `printable`. A reader that went away does not stop the work.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from ops.escapes import escape as printable

__all__ = [
    "as_json",
    "document",
    "is_terminal_input",
    "printable",
    "say",
    "say_aside",
    "table",
    "wants_json",
]

_GONE = frozenset({errno.EPIPE, errno.EIO})
"""The reader went away: `| head`, a terminal that was closed."""


@dataclass
class _State:
    json: bool = False
    given: bool = False
    sink: Callable[[object], None] | None = None


_state = _State()


@contextmanager
def as_json(wanted: bool) -> Iterator[None]:
    """Turn the output to JSON within the block, if `wanted`."""
    before = _state.json, _state.given
    _state.json, _state.given = wanted or _state.json, False
    try:
        yield
    finally:
        _state.json, _state.given = before


@contextmanager
def documents_to(sink: Callable[[object], None]) -> Iterator[None]:
    """Hand documents to `sink` within the block instead of printing them."""
    before = _state.sink
    _state.sink = sink
    try:
        yield
    finally:
        _state.sink = before


def wants_json() -> bool:
    """Return whether json=true was given."""
    return _state.json


def say(*lines: str) -> None:
    """Print lines for people: to standard output, or to standard error with json=true."""
    _write(sys.stderr if _state.json else sys.stdout, "".join(f"{line}\n" for line in lines))


def say_aside(*lines: str) -> None:
    """Print lines for people that are no part of the result: to standard error."""
    _write(sys.stderr, "".join(f"{line}\n" for line in lines))


def document(data: object) -> None:
    """Print `data` as one JSON document with json=true, else do nothing.

    `data` is JSON data; bytes and paths in it become printable text, other values their str().
    """
    if not _state.json:
        return
    _state.given = True
    if _state.sink is not None:
        _state.sink(data)
    else:
        _write(sys.stdout, as_text(data) + "\n")


def failure(error: BaseException) -> None:
    """Make the error the document with json=true, where none was given before it."""
    if not _state.given:
        document({"error": str(error)})


def as_text(data: object) -> str:
    """Return `data` as the text of a JSON document."""
    return json.dumps(_clean(data), indent=2, ensure_ascii=False, default=_as_json)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print a table: with lines and colour on a terminal, else as aligned plain text.

    Numbers stand at the right. No rows: the heading alone. NO_COLOR is honoured.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    right = [
        bool(cells) and all(_is_number(row[index]) for row in cells)
        for index in range(len(columns))
    ]
    stream = sys.stderr if _state.json else sys.stdout
    if stream is not None and stream.isatty():
        _rich_table(stream, columns, cells, right, title)
    else:
        _write(stream, "".join(f"{line}\n" for line in aligned(columns, cells, right, title)))


def aligned(
    columns: Sequence[str],
    cells: Sequence[Sequence[str]],
    right: Sequence[bool],
    title: str = "",
) -> list[str]:
    """Return the lines of a plain table, two spaces between its columns."""
    grid = [list(columns), *[list(row) for row in cells]]
    widths = [max(len(row[index]) for row in grid) for index in range(len(columns))]
    lines = [
        "  ".join(
            cell.rjust(width) if at_right else cell.ljust(width)
            for cell, width, at_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in grid
    ]
    return [title, *lines] if title else lines


def is_terminal_input() -> bool:
    """Return whether a person can be asked."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def ask(question: str) -> str:
    """Return the line a person types after `question`; "" at the end of the input."""
    _write(sys.stderr, question)
    return sys.stdin.readline()


def _rich_table(
    stream: TextIO,
    columns: Sequence[str],
    cells: Sequence[Sequence[str]],
    right: Sequence[bool],
    title: str,
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=Text(title) if title else None, box=SIMPLE_HEAD, title_justify="left")
    for name, at_right in zip(columns, right, strict=True):
        shown.add_column(Text(name), justify="right" if at_right else "left", overflow="fold")
    for row in cells:
        shown.add_row(*(Text(cell) for cell in row))
    console = Console(file=stream, highlight=False)
    with console.capture() as drawn:
        console.print(shown)
    _write(stream, drawn.get())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(value if isinstance(value, (bytes, str)) else str(value))


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.replace(",", "").replace(".", "").removesuffix("%").strip().isdigit()


def _clean(data: object) -> object:
    """Return `data` with what JSON cannot say in UTF-8, names of files, made printable."""
    if isinstance(data, str):
        return data if _is_unicode(data) else printable(data)
    if isinstance(data, dict):
        return {_key(key): _clean(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_clean(value) for value in data]
    return data


def _key(key: object) -> object:
    return printable(os.fsencode(key)) if isinstance(key, (bytes, os.PathLike)) else _clean(key)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _as_json(value: object) -> object:
    if isinstance(value, (bytes, os.PathLike)):
        return printable(os.fsencode(value))
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        if error.errno not in _GONE and stream is not sys.stderr:
            raise
        silence(stream)


def silence(stream: TextIO) -> None:
    """Let what is written to `stream` go nowhere: the work goes on, its output has no reader."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
