"""A table of numbers as a picture: each cell as dark as its number is high."""

from collections.abc import Sequence

import numpy as np

from jaxgen.arrays import Array, Shaped
from jaxgen.report.canvas import (
    COLOURS,
    INK,
    WIDTH,
    Axes,
    canvas,
    house_style,
    inline_svg,
    label,
)
from jaxgen.stats.intervals import finite

DARKEST = 0.75
"""How opaque the highest cell is: its number must be read on it."""


def matrix(
    values: Shaped[Array | np.ndarray, "_rows _columns"],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    xlabel: str,
    ylabel: str,
    format: str = ".1f",
) -> str:
    """Numbers in cells, each cell as dark as its number is high.

    Args:
        values: a number for each cell.
        rows: names of the rows, the first on top.
        columns: names of the columns.
        xlabel: what the columns are.
        ylabel: what the rows are.
        format: of each number, as in Python's format language.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: if a number is not finite, or names are not one for each row and
            column.

    Example:
        >>> matrix(np.eye(2), "ab", "cd", xlabel="to", ylabel="from").count("1.0")
        2
    """
    cells = finite("values", values)
    if cells.shape != (len(rows), len(columns)) or not cells.size:
        raise ValueError(
            f"values of shape {cells.shape} with {len(rows)} rows and {len(columns)} "
            "columns by name; expected a name for each, and one cell or more"
        )
    left, right, top, bottom, tall = 130, 16, 60, 16, 30
    height = top + tall * len(rows) + bottom
    with house_style():
        figure = canvas(height)
        ax = figure.add_axes(
            (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH,
             tall * len(rows) / height),
            xlim=(0, len(columns)), ylim=(len(rows), 0), xticks=[], yticks=[],
        )  # fmt: skip
        ax.spines[:].set_visible(False)
        _fill(ax, cells, format)
        for i, name in enumerate(rows):
            label(ax, name, (0, i + 0.5), (-6, 0), "right", INK)
        for j, name in enumerate(columns):
            label(ax, name, (j + 0.5, 0), (0, 9), "center", INK)
        label(ax, ylabel, (0, 0), (-6, 28), "right")
        label(ax, xlabel, (0, 0), (2, 28), "left")
        return inline_svg(figure)


def _fill(ax: Axes, cells: np.ndarray, format: str) -> None:
    spread = float(np.ptp(cells)) or 1.0
    for (i, j), value in np.ndenumerate(cells):
        share = (value - cells.min()) / spread
        ax.fill([j, j + 1, j + 1, j], [i, i, i + 1, i + 1], color=COLOURS[0],
                alpha=0.02 + (DARKEST - 0.02) * share, linewidth=0)  # fmt: skip
        text = f"{value:{format}}".replace("-", "\N{MINUS SIGN}")
        label(ax, text, (j + 0.5, i + 0.5), (0, 0), "center", INK)
