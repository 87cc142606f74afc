"""Reports: one HTML page that needs nothing else, from sections of figures, tables, plots.

The page can be read without a network, on a phone and on paper, in light and dark, and
holds no script. The transfer's report and the demo's are made of the same pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import OpsError
from ops.escapes import escape
from ops.pages.render import SUITE, render

Cell = str | bytes | int | float
"""Bytes are a file name, shown with octal escapes; numbers stand at the right."""


@dataclass(frozen=True)
class Figure:
    """A number that matters, large, with its words below."""

    value: str
    words: str


@dataclass(frozen=True)
class Table:
    """Rows below their heads; a short row is an error, and so is a long one."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.head):
                raise OpsError(f"a row of {len(row)} cells below {len(self.head)} heads: {row}")

    @property
    def right(self) -> list[bool]:
        """Return for each column whether it holds numbers only, and so stands at the right."""
        columns = [[row[index] for row in self.rows] for index in range(len(self.head))]
        return [
            bool(column) and all(isinstance(cell, int | float) for cell in column)
            for column in columns
        ]

    @property
    def texts(self) -> list[list[str]]:
        """Return the rows as they are shown."""
        return [[shown(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Section:
    """A part of the page: whatever of its pieces is given, in this order."""

    title: str
    text: str = ""
    figures: Sequence[Figure] = ()
    plots: Sequence[str] = ()
    """SVG elements of ops.pages.plot."""
    table: Table | None = None
    lines: Sequence[str | bytes] = ()
    """Output or file names, in type of even width."""


@dataclass(frozen=True)
class Report:
    """A page: its title, one line that says it all, its verdict and its sections."""

    title: str
    lead: str
    sections: Sequence[Section]
    verdict: str = ""
    good: bool = True
    """Whether the verdict is what one hopes for; it shows in the colour, and in a word."""
    foot: Sequence[str] = field(default_factory=tuple)


def html(report: Report, folders: Sequence[Path] = ()) -> str:
    """Return the report as an HTML page; `folders` may hold an own `report.html.j2`."""
    return render("report.html.j2", (*folders, SUITE), report=report)


def shown(cell: Cell) -> str:
    """Return a cell as text: names with octal escapes, numbers in groups of three.

    `shown(1234567) == "1 234 567"`, with narrow blanks that break no line.
    """
    if isinstance(cell, bytes):
        return escape(cell)
    if isinstance(cell, str):
        return cell
    text = f"{cell:,.2f}" if isinstance(cell, float) else f"{cell:,}"
    return text.replace(",", "\u202f")


def size(count: float) -> str:
    """Return bytes for people, in powers of 1000: `size(1_234_567) == "1.23 MB"`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB" if count < 1000 else f"{count:,.0f} TB"


def span(seconds: float) -> str:
    """Return a stretch of time for people: `span(3725) == "1 h 2 min"`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
