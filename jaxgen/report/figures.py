"""Figures as inline SVG, coloured by the CSS variables of the page they stand in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxgen.arrays import Array, Shaped
from jaxgen.report.canvas import (
    COLOURS,
    GRID,
    GUIDE,
    INK,
    MARKERS,
    MUTED,
    PAPER,
    WIDTH,
    Axes,
    canvas,
    house_style,
    inline_svg,
    label,
    name_lines,
    round_numbers,
    rows_and_columns,
    short_numbers,
    small_multiples,
)
from jaxgen.report.dots import counts_at, largest_dots, stacked
from jaxgen.report.series import Number, Series, finite_series, series_over
from jaxgen.stats.intervals import finite, mean_intervals


def curves(
    steps: Shaped[Array | np.ndarray, " _times"],
    series: Mapping[str, Shaped[Array | np.ndarray, "_seeds _times"]],
    *,
    ylabel: str,
    xlabel: str = "training step",
    ylim: tuple[Number | None, Number | None] = (None, None),
    reference: Mapping[str, Number] = {},
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
        reference: values marked by dashed lines, such as ``{"perfect": 8.0}``.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: if a series is not finite or has not one column for each step.
    """
    at = finite("steps", steps)
    runs = series_over("series", series, at, axis=1)
    rows, columns = rows_and_columns(len(runs), most=4)
    with house_style():
        figure = canvas(44 + 176 * rows, layout="constrained")
        panels = small_multiples(figure, len(runs), most=4)
        panels[0].xaxis.set_major_locator(round_numbers(4, whole=True))
        panels[0].xaxis.set_major_formatter(short_numbers())
        for i, (name, values) in enumerate(runs.items()):
            panels[i].set_title(name)
            _fan(panels[i], at, values, COLOURS[i % 8])
            for value in reference.values():
                panels[i].axhline(value, **GUIDE)
        panels[0].set_ylim(*ylim)
        for ax in panels[columns - 1 :: columns]:
            name_lines(ax, reference)
        figure.supxlabel(xlabel, size=11, color=MUTED)
        figure.supylabel(ylabel, size=11, color=MUTED)
        return inline_svg(figure)


def outcomes(
    series: Mapping[str, Shaped[Array | np.ndarray, " _seeds"]],
    *,
    xlabel: str,
    levels: Sequence[Number] | None = None,
    reference: Mapping[str, Number] = {},
) -> str:
    """Every seed as a dot, stacked over its outcome; one row a method.

    Outcomes with two peaks have a mean where no seed ever was; dots hide neither peak.

    Args:
        series: for each method, the outcome of each seed.
        xlabel: what was measured, with its unit.
        levels: where dots may stack, each at its nearest; by default 41 positions
            evenly over the data. Counts up to k want ``range(k + 1)``.
        reference: values marked by dashed lines, such as ``{"perfect": 8.0}``.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: if an outcome is not finite.
    """
    runs = finite_series("series", series)
    every = np.concatenate(list(runs.values()))
    spread = np.linspace(every.min(), every.max(), 41) if levels is None else levels
    places = np.unique(np.asarray(spread, np.float64))
    counts = {name: counts_at(places, values) for name, values in runs.items()}
    ends = np.array([*places, *reference.values()])
    cell = np.diff(places).min(initial=np.ptp(ends) or 1.0)
    low, high = ends.min() - cell / 2, ends.max() + cell / 2
    left, right, top, bottom, row = 28 + 6.6 * max(7, *map(len, runs)), 48, 24, 44, 64
    pixel = (high - low) / (WIDTH - left - right)
    columns, size = largest_dots(counts.values(), 0.85 * cell / pixel, row - 14)
    with house_style():
        tall = row * len(runs)
        figure = canvas(top + tall + bottom)
        ax = figure.add_axes(
            (left / WIDTH, bottom / (top + tall + bottom),
             (WIDTH - left - right) / WIDTH, tall / (top + tall + bottom)),
            xlim=(low, high), ylim=(0, tall), xlabel=xlabel, yticks=[],
        )  # fmt: skip
        ax.spines["left"].set_visible(False)
        whole = bool(np.all(places % 1 == 0))
        ax.xaxis.set_major_locator(round_numbers(10, whole))
        for name, value in reference.items():
            ax.axvline(value, **GUIDE)
            label(ax, name, (value, tall), (0, 7), "center")
        for i, (name, count) in enumerate(counts.items()):
            base = tall - row * (i + 1)
            right_of, over = stacked(count, columns)
            x = np.repeat(places, count) + right_of * size * pixel
            ax.axhline(base, color=GRID, linewidth=0.75, zorder=0)
            ax.plot(x, base + 3 + over * size, "o", ms=0.88 * size, mew=0,
                    color=COLOURS[i % 8])  # fmt: skip
            label(ax, name, (low, base + 26), (-12, 0), "right", INK)
            label(ax, f"n = {count.sum()}", (low, base + 11), (-12, 0), "right")
        return inline_svg(figure)


def plane(
    quality: Mapping[str, Shaped[Array | np.ndarray, " _seeds"]],
    diversity: Mapping[str, Shaped[Array | np.ndarray, " _seeds"]],
    *,
    xlabel: str,
    ylabel: str,
    perfect: tuple[Number, Number],
    trivial: tuple[Number, Number],
) -> str:
    """Quality against diversity: a small mark for each seed, a large one for the mean.

    The arms of a cross are the 95 % intervals of the two means over seeds.

    Args:
        quality: for each method, the quality of each seed; the horizontal axis.
        diversity: for the same methods and seeds, the vertical axis.
        xlabel: what quality is, with its unit.
        ylabel: what diversity is, with its unit.
        perfect: quality and diversity of the data themselves.
        trivial: quality and diversity of the model that one must beat.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: if a value is not finite, the methods or their seeds differ between
            the two mappings, or there are more than 8 methods.
    """
    x, y = _pairs(quality, diversity)
    if len(x) > len(MARKERS):
        raise ValueError(f"{len(x)} methods; a plane tells at most 8 apart: draw two")

    def mark(ax: Axes, i: int, name: str) -> None:
        look: Any = dict(color=COLOURS[i], marker=MARKERS[i], linestyle="none")
        ax.plot(x[name], y[name], ms=5, mew=0, alpha=0.55, **look)
        (left, across, right), (bottom, up, top) = _means(x[name], y[name])
        arms = (left, right, np.nan, across, across), (up, up, np.nan, bottom, top)
        ax.plot(*arms, color=COLOURS[i], linewidth=1.5)
        ax.plot(across, up, ms=9, mec=PAPER, label=name, **look)

    look = dict(xlabel=xlabel, ylabel=ylabel, xmargin=0.05)
    return _plane(list(x), mark, perfect, trivial, look, height=400)


def numbered_plane(
    quality: Mapping[str, Shaped[Array | np.ndarray, " _seeds"]],
    diversity: Mapping[str, Shaped[Array | np.ndarray, " _seeds"]],
    *,
    xlabel: str,
    ylabel: str,
    perfect: tuple[Number, Number],
    trivial: tuple[Number, Number],
) -> str:
    """Quality against diversity of more methods than markers tell apart: means alone.

    Each method is a dot with a number, and is named in the list beside; `plane` shows
    seeds and intervals. Arguments are those of `plane`.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: if a value is not finite, or the methods or their seeds differ
            between the two mappings.
    """
    x, y = _pairs(quality, diversity)

    def mark(ax: Axes, i: int, name: str) -> None:
        mean, colour = (x[name].mean(), y[name].mean()), COLOURS[i % 8]
        ax.plot(*mean, "o", ms=5, mew=0, color=colour, label=f"{i + 1}  {name}")
        label(ax, str(i + 1), mean, (5, 4), "left", colour)

    look = dict(xlabel=xlabel, ylabel=ylabel, xmargin=0.06, ymargin=0.06)
    height = max(400, 15 * len(x) + 60)
    return _plane(list(x), mark, perfect, trivial, look, height, labelspacing=0.25)


def _pairs(
    quality: Series, diversity: Series
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    x, y = finite_series("quality", quality), finite_series("diversity", diversity)
    sizes = [{name: values.size for name, values in side.items()} for side in (x, y)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"quality has seeds {sizes[0]}, diversity {sizes[1]}; expected the same"
        )
    return x, y


def _plane(
    names: Sequence[str],
    mark: Callable[[Axes, int, str], None],
    perfect: tuple[Number, Number],
    trivial: tuple[Number, Number],
    look: Mapping[str, Any],
    height: Number,
    **legend: Any,
) -> str:
    with house_style():
        figure = canvas(height, layout="constrained")
        ax = figure.subplots()
        ax.grid(True)
        ax.set(**look)
        for i, name in enumerate(names):
            mark(ax, i, name)
        ax.plot(*perfect, "*", color=INK, ms=10, mew=0, label="perfect model")
        ax.plot(*trivial, "x", color=INK, ms=7, mew=1.5, label="trivial model")
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), **legend)
        return inline_svg(figure)


def _fan(ax: Axes, steps: np.ndarray, runs: np.ndarray, colour: str) -> None:
    mark: Any = dict(color=colour, marker="." if steps.size == 1 else "")
    if len(runs) == 1:
        ax.plot(steps, runs[0], linewidth=1.25, **mark)
        return
    ax.plot(steps, runs.T, linewidth=0.75, alpha=0.4, **mark)
    chosen = np.linspace(0, steps.size - 1, min(steps.size, 100)).astype(int)
    low, mean, high = np.transpose(mean_intervals(runs[:, chosen].T))
    ax.fill_between(steps[chosen], low, high, color=colour, alpha=0.22, linewidth=0)
    ax.plot(steps[chosen], mean, color=colour)


def _means(x: np.ndarray, y: np.ndarray) -> Sequence[Sequence[float]]:
    both = np.stack([x, y])
    return np.repeat(both, 3, axis=1).tolist() if x.size == 1 else mean_intervals(both)
