"""Panels side by side over length: a look for each name, powers of two, one legend."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxgen.arrays import Float
from jaxgen.report.canvas import (
    COLOURS,
    MARKERS,
    MUTED,
    PAPER,
    WIDTH,
    Axes,
    Figure,
    canvas,
    key_above,
    rows_and_columns,
    small_multiples,
)
from jaxgen.report.curve import Panels, every
from jaxgen.report.ticks import length_ticks

Look = Mapping[str, Any]
"""How a name is drawn in every panel."""

_MOST = 3  # panels in a row
_ROW = {1: 340, 2: 290, 3: 250}  # height in pixels, by the number of columns
_LETTER, _HANDLE, _LINE = 6.6, 54, 17  # of a legend, in pixels


def looks_of(panels: Panels) -> dict[str, Look]:
    """Colour and marker of every name, the same in all panels, in order of appearance.

    Raises:
        ValueError: if there are more names than looks.
    """
    return looks_of_names([name for curves in panels.values() for name in curves])


def looks_of_names(repeated: Sequence[str]) -> dict[str, Look]:
    """Colour and marker of every name, however often it is given.

    Raises:
        ValueError: if there are more names than looks.
    """
    names = list(dict.fromkeys(repeated))
    if len(names) > len(MARKERS):
        raise ValueError(
            f"panels have {len(names)} names {names}; expected at most {len(MARKERS)}, "
            "as many as a reader tells apart: draw two figures"
        )
    marks: Look = dict(linewidth=1.25, ms=5.5, mew=0.75, mec=PAPER)
    return {
        name: dict(color=COLOURS[i], marker=MARKERS[i], **marks)
        for i, name in enumerate(names)
    }


def length_panels(
    panels: Panels, *laws: Panels, xlabel: str, ylabel: str, title_pad: int
) -> tuple[Figure, list[Axes]]:
    """A panel for each title, with ticks along log₂ length but nothing drawn, and a key.

    Args:
        panels: curves by title and name, as `finite_curves` returns them.
        *laws: more curves whose lengths the axis must hold.
        xlabel: what the lengths count.
        ylabel: what was measured.
        title_pad: pixels between a panel and its title.

    Returns:
        The figure, and its panels in order.

    Raises:
        ValueError: if there are not 1 to 6 panels, or more names than looks.
    """
    if not 1 <= len(panels) <= 2 * _MOST:
        raise ValueError(
            f"{len(panels)} panels {list(panels)}; expected 1 to {2 * _MOST}, "
            "more are too small to read: draw two figures"
        )
    looks = looks_of(panels)
    rows, columns = rows_and_columns(len(panels), _MOST)
    lines, names_a_line = _key_grid([len(name) for name in looks])
    figure = canvas(36 + _LINE * lines + _ROW[columns] * rows)
    figure.set_layout_engine("constrained", wspace=0.08)
    axes = small_multiples(figure, len(panels), _MOST)
    low, high = _ends(panels, *laws)
    margin = 0.07 * (high - low)
    axes[0].set_xlim(low - margin, high + margin)
    axes[0].set_xticks(*length_ticks(low, high, int(_width(columns) / 36)))
    for ax, title in zip(axes, panels, strict=True):
        ax.set_title(title, pad=title_pad)
    figure.supxlabel(xlabel, size=11, color=MUTED)
    figure.supylabel(ylabel, size=11, color=MUTED)
    key_above(figure, looks, names_a_line)
    return figure, axes


def ends_of_rows(axes: Sequence[Axes]) -> Sequence[Axes]:
    """The rightmost panel of each full row."""
    _, columns = rows_and_columns(len(axes), _MOST)
    return axes[columns - 1 :: columns]


def octaves_a_pixel(axes: Sequence[Axes]) -> float:
    """About how much of the axis of a panel a pixel is."""
    left, right = axes[0].get_xlim()
    _, columns = rows_and_columns(len(axes), _MOST)
    return (right - left) / _width(columns)


def mark_curve(
    ax: Axes,
    x: Float[np.ndarray, " k"],
    values: Float[np.ndarray, "3 k"],
    look: Look,
) -> None:
    """A line with markers, and a thin bar wherever an interval has a width.

    Args:
        ax: the panel.
        x: where along its axis.
        values: lower ends, estimates, upper ends.
        look: of the name.
    """
    low, middle, high = values
    wide = low < high
    bars = np.stack([low, high, np.full(len(x), np.nan)], axis=1)[wide]
    ax.plot(np.repeat(x[wide], 3), bars.ravel(), color=look["color"], lw=1, zorder=2)
    ax.plot(x, middle, zorder=3, **look)


def _width(columns: int) -> float:
    return WIDTH / columns - 65  # less the names of ticks and lines


def _ends(*panels: Panels) -> tuple[float, float]:
    """Of the axis, in powers of two: those of the data, or wide enough for two ticks."""
    curves = [curve for each in panels for curve in every(each)]
    low = min(float(np.log2(curve.lengths[0])) for curve in curves)
    high = max(float(np.log2(curve.lengths[-1])) for curve in curves)
    if np.floor(high) > np.ceil(low):
        return low, high
    return float(min(np.floor(low), high - 1)), float(max(np.ceil(high), low + 1))


def _key_grid(letters: Sequence[int]) -> tuple[int, int]:
    """Fewest lines of names that fit the width, and fewest columns for these."""
    for lines in range(1, len(letters)):
        columns = -(-len(letters) // lines)
        widest = [max(part) for part in np.array_split(letters, columns)]
        if sum(_HANDLE + _LETTER * each for each in widest) <= WIDTH:
            return lines, columns
    return len(letters), 1
