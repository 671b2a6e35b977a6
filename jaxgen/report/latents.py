"""Codes in the plane, and what each dimension of a code tells."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jaxgen.arrays import Array, Shaped
from jaxgen.report.canvas import (
    COLOURS,
    GUIDE,
    MARKERS,
    MUTED,
    Axes,
    canvas,
    house_style,
    inline_svg,
    key_above,
    rows_and_columns,
    small_multiples,
)
from jaxgen.report.series import finite_series
from jaxgen.stats.intervals import finite, mean_intervals

_CONTOURS = (1.0, 2.0, 3.0)  # standard deviations of the prior


class Codes(NamedTuple):
    """Codes of examples in a latent space of two dimensions.

    Attributes:
        mean: where each lies, (n, 2).
        scale: standard deviations of its density, (n, 2); zero for a point.
        label: its class, (n,) whole numbers from 0 on.
    """

    mean: Shaped[Array | np.ndarray, "n 2"]
    scale: Shaped[Array | np.ndarray, "n 2"]
    label: Shaped[Array | np.ndarray, " n"]


def code_planes(models: Mapping[str, Codes]) -> str:
    """Codes over the contours of a standard normal prior: a panel a model.

    A density is an ellipse of one standard deviation, a point is a dot; colours and
    markers tell classes. Circles have one, two and three standard deviations of the
    prior. Every panel has a scale of its own, as those circles show.

    Args:
        models: for each of them its codes.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: a number that is not finite, or sizes that differ.

    Example:
        >>> one = Codes(np.eye(2), np.ones((2, 2)), np.arange(2))
        >>> code_planes({"VAE": one}).startswith("<svg")
        True
    """
    rows, columns = rows_and_columns(len(models), most=3)
    with house_style():
        figure = canvas(40 + 720 / columns * rows, layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for ax in grid.flat[len(models) :]:
            ax.remove()
        for ax, (name, codes) in zip(grid.flat, models.items(), strict=False):
            ax.set_title(name)
            _code_plane(ax, name, codes)
        return inline_svg(figure)


def _code_plane(ax: Axes, name: str, codes: Codes) -> None:
    mean, scale = finite(f"{name}.mean", codes.mean), finite("scale", codes.scale)
    if mean.shape != scale.shape or len(codes.label) != len(mean):
        raise ValueError(
            f"{name}: {mean.shape} means, {scale.shape} scales, {len(codes.label)} "
            "labels; expected one of each for every code"
        )
    ring = np.stack([f(np.linspace(0, 2 * np.pi, 33)) for f in (np.cos, np.sin)])
    for radius in _CONTOURS:
        ax.plot(*(radius * ring), **{**GUIDE, "linestyle": "-", "linewidth": 0.75})
    for kind in np.unique(codes.label):
        chosen = codes.label == kind
        colour = COLOURS[int(kind) % 8]
        marker = MARKERS[int(kind) % len(MARKERS)]
        if scale[chosen].any():
            outlines = mean[chosen][..., None] + scale[chosen][..., None] * ring[None]
            gaps = np.full((len(outlines), 2, 1), np.nan)
            x, y = np.concatenate([outlines, gaps], axis=2).swapaxes(0, 1)
            ax.plot(x.ravel(), y.ravel(), color=colour, linewidth=0.75, alpha=0.7)
        else:
            ax.plot(*mean[chosen].T, marker, color=colour, ms=3, mew=0, alpha=0.8)
    ax.set_aspect("equal", adjustable="datalim")


def dimension_bars(
    series: Mapping[str, Shaped[Array | np.ndarray, "_seeds _dimensions"]],
    *,
    ylabel: str,
    reference: Mapping[str, float] = {},
) -> str:
    """A quantity of every latent dimension, sorted in each seed: a panel a model.

    Bars are means over seeds, lines their 95 % intervals. Dimensions of different seeds
    have nothing to do with each other: the first bar is the largest of each seed.

    Args:
        series: for each model, a row a seed.
        ylabel: what was measured, with its unit.
        reference: values marked by dashed lines.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: a number that is not finite, or fewer than two seeds.

    Example:
        >>> dimension_bars({"VAE": np.ones((2, 3))}, ylabel="nats").startswith("<svg")
        True
    """
    runs = finite_series("series", series)
    rows, _ = rows_and_columns(len(runs), most=4)
    with house_style():
        figure = canvas(60 + 150 * rows, layout="constrained")
        panels = small_multiples(figure, len(runs), most=4)
        for i, (ax, (name, values)) in enumerate(
            zip(panels, runs.items(), strict=True)
        ):
            ordered = -np.sort(-values, axis=1)
            low, mean, high = np.array(mean_intervals(ordered.T)).T
            places = np.arange(1, len(mean) + 1)
            ax.set_title(name)
            ax.bar(places, mean, color=COLOURS[i % 8], width=0.8)
            ax.vlines(places, low, high, color=MUTED, linewidth=1)
            for value in reference.values():
                ax.axhline(value, **GUIDE)
        if reference:
            key_above(figure, {name: GUIDE for name in reference}, len(reference))
        figure.supxlabel("dimension, the largest first", size=11, color=MUTED)
        figure.supylabel(ylabel, size=11, color=MUTED)
        return inline_svg(figure)
