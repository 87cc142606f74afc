"""Plots for pages: a course over time with its phases, and bars; more in ops.pages.chart.

Each returns an SVG element as text. Text stays text, so the plots are small, can be
searched, and print sharply. matplotlib is loaded by the first plot, and none of its
global state is used: plots can be drawn in several threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any

from ops.pages.svg import INK, inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#2a78c2", "#c8701d", "#3c8d53", "#8a63b8", "#b5485d", "#7b7f86")
MOST_POINTS = 500
"""A series is thinned to this many points, so that a page on a day's run stays small."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ops",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
WIDTH = 5.8
"""Inches, at which the text of a plot is as large as that of the page around it."""

_LABEL: dict[str, Any] = {"ha": "left", "va": "bottom", "fontsize": 9}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_drawing = Lock()


@dataclass(frozen=True)
class Series:
    """A line of the plot: (x, y) points in ascending x."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Band:
    """A stretch of the x axis with a name: a phase of the run."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Level:
    """A horizontal line to compare with: the rate of the link."""

    name: str
    height: float


def course(
    title: str,
    series: Sequence[Series],
    *,
    x: str,
    y: str,
    bands: Sequence[Band] = (),
    levels: Sequence[Level] = (),
    end: float | None = None,
    stacked: Sequence[Series] = (),
) -> str:
    """Return a line plot as an SVG element; y starts at 0, and x too if its `end` is given.

    Bands of one name get one colour and stand behind the lines. With one series the area
    below it is tinted, or filled with what is `stacked`: series over the same x that make up
    the line. No points at all give an empty frame that says so.
    """

    def draw(axes: Axes) -> None:
        _bands(axes, bands)
        _stack(axes, stacked)
        for index, one in enumerate(series):
            filled = len(series) == 1 and not stacked
            _line(axes, one, COLOURS[index % len(COLOURS)], filled=filled)
        for level in levels:
            axes.axhline(level.height, color=INK, linewidth=1, linestyle=(0, (4, 3)))
            axes.text(
                0.01, level.height, level.name, transform=axes.get_yaxis_transform(), **_LABEL
            )
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.margins(x=0, y=0.12)
        axes.set_ylim(bottom=0)
        if end:
            axes.set_xlim(0, end)
        _legend(axes)
        if not any(one.points for one in series):
            axes.text(0.5, 0.5, "nothing measured", transform=axes.transAxes, ha="center")

    return drawn(title, 2.6, draw)


def bars(title: str, lengths: Sequence[tuple[str, float]], *, x: str) -> str:
    """Return horizontal bars, the first on top, each with its number, as an SVG element."""

    def draw(axes: Axes) -> None:
        names = [name for name, _ in lengths]
        rows = axes.barh(range(len(names)), [value for _, value in lengths], color=COLOURS[0])
        axes.bar_label(rows, fmt="{:,.4g}", padding=4)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set_xlabel(x)
        axes.set_axisbelow(True)
        axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.8)

    return drawn(title, 0.8 + 0.32 * max(len(lengths), 1), draw)


def thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """Return at most `most` points: means over equal runs of neighbours, x and y alike."""
    if len(points) <= most:
        return list(points)
    edges = [round(index * len(points) / most) for index in range(most + 1)]
    return [_mean(points[start:end]) for start, end in pairwise(edges) if end > start]


def _mean(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    count = len(points)
    return sum(x for x, _ in points) / count, sum(y for _, y in points) / count


def _line(axes: Axes, series: Series, colour: str, *, filled: bool) -> None:
    points = thinned(series.points, MOST_POINTS)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    label = series.name or None
    axes.plot(xs, ys, color=colour, linewidth=1.6, label=label)
    if filled:
        axes.fill_between(xs, ys, color=colour, alpha=0.16, linewidth=0)


def _stack(axes: Axes, stacked: Sequence[Series]) -> None:
    """Fill one layer a series; neighbours differ in strength, as names don't matter here."""
    layers = [thinned(one.points, MOST_POINTS) for one in stacked]
    if not layers:
        return
    xs = [x for x, _ in layers[0]]
    strengths = [0.30 if index % 2 else 0.16 for index in range(len(layers))]
    floor = [0.0] * len(xs)
    for points, strength in zip(layers, strengths, strict=True):
        top = [low + y for low, (_, y) in zip(floor, points, strict=True)]
        axes.fill_between(xs, floor, top, color=COLOURS[0], alpha=strength, linewidth=0)
        floor = top


def _bands(axes: Axes, bands: Sequence[Band]) -> None:
    names = list(dict.fromkeys(band.name for band in bands))
    for index, name in enumerate(names):
        colour = COLOURS[(index + 1) % len(COLOURS)]
        label: str | None = name
        for band in bands:
            if band.name == name:
                axes.axvspan(band.start, band.end, color=colour, alpha=0.13, lw=0, label=label)
                label = None


def _legend(axes: Axes) -> None:
    """Name what is drawn above the frame; one line alone is named by the axis."""
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.8)
    names = axes.get_legend_handles_labels()[1]
    if len(names) > 1:
        longest = max(map(len, names))
        columns = max(1, min(4, 72 // (longest + 6)))  # wider, and the axes would give way
        axes.legend(
            loc="lower right", bbox_to_anchor=(1, 1), ncols=columns, frameon=False, fontsize=9
        )


def drawn(title: str, height: float, draw: Callable[[Axes], None]) -> str:
    """Return what `draw` puts onto the axes as an SVG element, `height` inches high."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with _drawing, mpl.rc_context(_STYLE):  # rc_context is the process's: one plot at a time
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots())
        return inline(_saved(figure), title)


def _saved(figure: Figure) -> str:
    file = BytesIO()
    figure.savefig(file, format="svg", transparent=True, metadata=_NO_METADATA)
    return file.getvalue().decode()
