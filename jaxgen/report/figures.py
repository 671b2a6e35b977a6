"""Figures as inline SVG, coloured by the CSS variables of the page they stand in."""

import io
from collections.abc import Callable, Mapping, Sequence

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from jaxgen.arrays import Array, Shaped
from jaxgen.report.svg import inline
from jaxgen.stats.intervals import finite, mean_interval

WIDTH = 736
"""Width of every figure, CSS pixels."""

_NAMES = ("ink", "muted", "grid", "paper", *(f"c{i}" for i in range(8)))
_SENTINELS = {name: f"#fe{i:02x}fe" for i, name in enumerate(_NAMES)}
_VARIABLES = {colour: f"var(--{name})" for name, colour in _SENTINELS.items()}
_INK, _MUTED, _GRID, _PAPER, *_COLOURS = _SENTINELS.values()
_MARKERS = "osD^vPXh"
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "jaxgen",
    "text.parse_math": False,
    "figure.dpi": 72,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _MUTED,
    "axes.titlecolor": _INK,
    "text.color": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "grid.color": _GRID,
    "font.size": 11,
    "axes.labelsize": 11,
    "axes.titlesize": 12,
    "axes.titleweight": 600,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.linewidth": 0.75,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.linewidth": 0.75,
    "xtick.major.width": 0.75,
    "ytick.major.size": 0,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
    "lines.dashed_pattern": (4, 3),
    "lines.scale_dashes": False,
    "legend.frameon": False,
}


def curves(
    steps: Shaped[Array | np.ndarray, " _times"],
    series: Mapping[str, Shaped[Array | np.ndarray, "_seeds _times"]],
    *,
    ylabel: str,
    xlabel: str = "training step",
    ylim: tuple[float | None, float | None] = (None, None),
    reference: Mapping[str, float] = {},
) -> str:
    """Small multiples over training: each seed thin, their mean thick, its interval.

    One panel a method, all with the same axes. The band is the 95 % interval of the
    mean over seeds, taken at no more than 100 of the steps; one seed has no band.

    Args:
      steps: where the series were measured.
      series: for each method, one row a seed.
      ylabel: what was measured, with its unit.
      xlabel: what ``steps`` counts.
      ylim: ends of the vertical axis, None where the data decide.
      reference: values to mark by dashed lines, such as ``{"perfect": 8.0}``.

    Returns:
      An ``<svg>`` element.

    Raises:
      ValueError: if a series is not finite or has not one column for each step.
    """
    at, runs = finite("steps", steps), _checked("series", series, 2)
    for name, values in runs.items():
        if values.shape[1] != at.size:
            raise ValueError(
                f"series[{name!r}] has {values.shape[1]} times; expected one for each "
                f"of the {at.size} steps"
            )
    rows = -(-len(runs) // 4)
    columns = -(-len(runs) // rows)

    def paint(figure: Figure) -> None:
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for i, (ax, (name, values)) in enumerate(zip(grid.flat, runs.items())):
            ax.set_title(name)
            _fan(ax, at, values, _COLOURS[i % 8])
            for value in reference.values():
                ax.axhline(value, color=_MUTED, linewidth=1, linestyle="--")
        grid[0, 0].set_ylim(*ylim)
        grid[0, 0].xaxis.set_major_locator(MaxNLocator(4))
        grid[0, 0].xaxis.set_major_formatter(EngFormatter(sep=""))
        for ax in grid.flat[len(runs) :]:
            ax.remove()
        for ax in grid.flat[len(runs) - columns : len(runs)]:
            ax.tick_params(labelbottom=True)
        for i in range(rows):
            _name_lines(grid.flat[min(len(runs), (i + 1) * columns) - 1], reference)
        figure.supxlabel(xlabel, size=11, color=_MUTED)
        figure.supylabel(ylabel, size=11, color=_MUTED)

    return _drawn(44 + 176 * rows, paint)


def _fan(ax: Axes, steps: np.ndarray, runs: np.ndarray, colour: str) -> None:
    ax.plot(steps, runs.T, color=colour, linewidth=0.75, alpha=0.4)
    if len(runs) == 1:
        return
    chosen = np.linspace(0, steps.size - 1, min(steps.size, 100)).astype(int)
    low, mean, high = np.transpose([mean_interval(runs[:, t]) for t in chosen])
    ax.fill_between(steps[chosen], low, high, color=colour, alpha=0.22, linewidth=0)
    ax.plot(steps[chosen], mean, color=colour)


def _name_lines(ax: Axes, reference: Mapping[str, float]) -> None:
    bottom, top = ax.get_ylim()
    gap, last = 0.1 * (top - bottom), -np.inf
    for name, value in sorted(reference.items(), key=lambda item: item[1]):
        last = max(value, last + gap)
        ax.annotate(name, (1, last), (5, 0), ("axes fraction", "data"),
                    "offset points", va="center", color=_MUTED)  # fmt: skip


def outcomes(
    series: Mapping[str, Shaped[Array | np.ndarray, " _seeds"]],
    *,
    xlabel: str,
    levels: Sequence[float] | None = None,
    reference: Mapping[str, float] = {},
) -> str:
    """Every seed as a dot, stacked over its outcome; one row a method.

    Outcomes of adversarial training have more than one peak, and a mean lies between
    them; this shows the peaks.

    Args:
      series: for each method, the outcome of each seed.
      xlabel: what was measured, with its unit.
      levels: where dots may stack, each at the nearest; by default 41 positions
        evenly spaced over the data. Counts want ``range(count + 1)``.
      reference: values to mark by dashed lines, such as ``{"perfect": 8.0}``.

    Returns:
      An ``<svg>`` element.

    Raises:
      ValueError: if an outcome is not finite.
    """
    runs = _checked("series", series, 1)
    every = np.concatenate(list(runs.values()))
    if levels is None:
        levels = np.linspace(every.min(), every.max(), 41).tolist()
    places = np.unique(np.asarray(levels, np.float64))
    counts = {
        name: np.bincount(np.abs(values[:, None] - places).argmin(1), minlength=places.size)
        for name, values in runs.items()
    }
    left, right, top, bottom, row = 24 + 6.6 * max(map(len, runs)), 48, 24, 44, 64
    height = top + row * len(runs) + bottom
    ends = np.array([*places, *reference.values()])
    margin = 0.5 * np.diff(places).min(initial=np.ptp(ends) or 1.0)
    low, high = ends.min() - margin, ends.max() + margin
    scale = (WIDTH - left - right) / (high - low)
    columns, size = _dots(counts.values(), 2 * margin * scale, row - 14)

    def paint(figure: Figure) -> None:
        box = (left / WIDTH, bottom / height, 1 - (left + right) / WIDTH,
               row * len(runs) / height)  # fmt: skip
        ax = figure.add_axes(box, xlim=(low, high), ylim=(0, row * len(runs)), xlabel=xlabel)
        ax.grid(False)
        ax.xaxis.set_major_locator(MaxNLocator(10, integer=bool(np.all(places % 1 == 0))))
        ax.set_yticks([])
        for name, value in reference.items():
            ax.axvline(value, color=_MUTED, linewidth=1, linestyle="--", zorder=0)
            ax.annotate(name, (value, 1), (0, 5), ("data", "axes fraction"),
                        "offset points", ha="center", color=_MUTED)  # fmt: skip
        for i, (name, count) in enumerate(counts.items()):
            base = row * (len(runs) - 1 - i)
            x, y = _stacked(count, columns)
            x = places[np.repeat(np.arange(places.size), count)] + x * size / scale
            ax.axhline(base, color=_GRID, linewidth=0.75, zorder=0)
            ax.plot(x, base + 3 + y * size, "o", ms=0.88 * size, mew=0, color=_COLOURS[i % 8])
            for text, up, colour in ((name, 24, _INK), (f"{count.sum()} seeds", 9, _MUTED)):
                ax.annotate(text, (0, base + up), (-12, 0), ("axes fraction", "data"),
                            "offset points", ha="right", color=colour)  # fmt: skip

    return _drawn(height, paint, layout=None)
