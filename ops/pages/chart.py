"""Charts for pages: phases on a time line, and columns side by side. SVG elements as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ops.pages.plot import COLOURS, Band, Series, drawn
from ops.pages.svg import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def timeline(
    title: str, rows: Sequence[tuple[str, Sequence[Band]]], *, x: str, end: float | None = None
) -> str:
    """Return rows of named stretches, the first row on top.

    Equal names have equal colours: those that the same bands have behind a course.
    """
    names = list(dict.fromkeys(band.name for _, bands in rows for band in bands))
    colours = {name: COLOURS[(index + 1) % len(COLOURS)] for index, name in enumerate(names)}

    def draw(axes: Axes) -> None:
        named: set[str] = set()
        for height, (_, bands) in enumerate(rows):
            for band in bands:
                label = None if band.name in named else band.name
                named.add(band.name)
                length, colour = band.end - band.start, colours[band.name]
                axes.barh(height, length, 0.62, band.start, color=colour, label=label)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
        axes.set_xlim(0, end)
        axes.set_xlabel(x)
        _named(axes, len(names))

    return drawn(title, 1.1 + 0.28 * max(len(rows), 1), draw)


def columns(
    title: str, classes: Sequence[str], series: Sequence[Series], *, y: str, x: str = ""
) -> str:
    """Return columns: for each class one a series, side by side, of the points' y, in order."""

    def draw(axes: Axes) -> None:
        width = 0.8 / max(len(series), 1)
        for index, one in enumerate(series):
            places = [at - 0.4 + width * (index + 0.5) for at in range(len(one.points))]
            heights = [height for _, height in one.points]
            colour = COLOURS[index % len(COLOURS)]
            axes.bar(places, heights, width * 0.92, color=colour, label=one.name)
        axes.set_xticks(range(len(classes)), classes)
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.set_axisbelow(True)
        axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.8)
        _named(axes, len(series))

    return drawn(title, 2.2, draw)


def _named(axes: Axes, count: int) -> None:
    if count > 1:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=min(count, 4),
            frameon=False,
            fontsize=9,
        )
