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
from ops.quantities import number

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
    """Return a cell as text: names with octal escapes, numbers with commas: 1,234,567."""
    if isinstance(cell, bytes):
        return escape(cell)
    if isinstance(cell, str):
        return cell
    return f"{cell:,.2f}" if isinstance(cell, float) else number(cell)
