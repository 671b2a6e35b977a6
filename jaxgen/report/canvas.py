"""What figures are drawn on: matplotlib in the style of the page, known here alone."""

import io
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from jaxgen.report.series import Number
from jaxgen.report.stylesheet import FIGURE_STYLE, SENTINELS
from jaxgen.report.svg import inline

__all__ = [
    "COLOURS",
    "GRID",
    "GUIDE",
    "INK",
    "MARKERS",
    "MUTED",
    "PAPER",
    "WIDTH",
    "Axes",
    "Figure",
    "canvas",
    "house_style",
    "inline_svg",
    "key_above",
    "label",
    "name_lines",
    "round_numbers",
    "rows_and_columns",
    "settle",
    "short_numbers",
    "small_multiples",
]

WIDTH = 736
"""Of every figure, in CSS pixels."""

PAPER, INK, MUTED, GRID, *COLOURS = SENTINELS
"""Stand-ins for the colours of the page; those of methods, in order."""

MARKERS = "osD^vPXh"
"""Told apart where colours are not."""

GUIDE: dict[str, Any] = dict(color=MUTED, linewidth=1, linestyle="--", zorder=0)
"""A line to compare with, behind what was measured."""


def house_style() -> AbstractContextManager[None]:
    """Matplotlib's defaults and the style of the page, whatever the user has set."""
    return matplotlib.style.context(["default", FIGURE_STYLE])


def canvas(height: Number, layout: Literal["constrained"] | None = None) -> Figure:
    """An empty figure, ``height`` CSS pixels tall."""
    return Figure(figsize=(WIDTH / 72, height / 72), layout=layout)


def inline_svg(figure: Figure) -> str:
    """The figure as one ``<svg>`` element coloured by the page."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return inline(text.getvalue(), SENTINELS)


def rows_and_columns(panels: int, most: int) -> tuple[int, int]:
    """The grid of fewest rows, at most ``most`` panels in each, then fewest columns.

    Example:
        >>> rows_and_columns(5, most=4)
        (2, 3)
    """
    rows = -(-panels // most)
    return rows, -(-panels // rows)


def small_multiples(figure: Figure, panels: int, most: int) -> list[Axes]:
    """Panels with common axes, row by row; ticks are named beneath each column."""
    rows, columns = rows_and_columns(panels, most)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in grid.flat[panels:]:
        ax.remove()
    for ax in grid.flat[panels - columns : panels]:
        ax.tick_params(labelbottom=True)
    return list(grid.flat[:panels])


def round_numbers(most: int, whole: bool = False) -> MaxNLocator:
    """Ticks 1, 2 or 5 times a power of ten apart, in no more than ``most`` spaces."""
    return MaxNLocator(most, steps=[1, 2, 5], integer=whole)


def short_numbers() -> EngFormatter:
    """Ticks named as 20k."""
    return EngFormatter(sep="")


def key_above(
    figure: Figure, looks: Mapping[str, Mapping[str, Any]], columns: int
) -> None:
    """Name every look once, above the panels of a constrained figure."""
    marks = [Line2D([], [], **look) for look in looks.values()]
    figure.legend(marks, list(looks), loc="outside upper left", ncols=columns,
                  borderpad=0.2, labelcolor=INK)  # fmt: skip


def settle(figure: Figure) -> None:
    """Give the panels of a constrained figure their places, before it is drawn."""
    engine = figure.get_layout_engine()
    if engine is not None:
        for _ in range(2):  # the second finds the names of ticks in their places
            engine.execute(figure)


def name_lines(ax: Axes, reference: Mapping[str, Number]) -> None:
    """Name horizontal lines to the right of a panel, none over another."""
    bottom, top = ax.get_ylim()
    level = float("-inf")
    for name, value in sorted(reference.items(), key=lambda item: item[1]):
        level = max(value, level + (top - bottom) / 10)
        label(ax, name, (ax.get_xlim()[1], level), (5, 0), "left")


def label(
    ax: Axes,
    text: str,
    at: tuple[Number, Number],
    shift: tuple[Number, Number],
    side: Literal["left", "center", "right"],
    colour: str = MUTED,
) -> None:
    """Write ``text`` at a point of the data, shifted by pixels, inside or outside."""
    ax.annotate(text, at, shift, textcoords="offset points", color=colour, ha=side,
                va="center", annotation_clip=False)  # fmt: skip
