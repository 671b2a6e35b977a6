"""What length costs: its growth, and the exponent of that growth from place to place."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from jaxgen.arrays import Float
from jaxgen.report.canvas import (
    GUIDE,
    INK,
    PAPER,
    Axes,
    house_style,
    inline_svg,
    label,
    name_lines,
    round_numbers,
    settle,
)
from jaxgen.report.curve import Curve, Panels, every, finite_curves, positive_curves
from jaxgen.report.length_panels import (
    Look,
    ends_of_rows,
    length_panels,
    looks_of,
    mark_curve,
    octaves_a_pixel,
)
from jaxgen.report.placement import along, beside
from jaxgen.report.series import Number
from jaxgen.report.ticks import decimal_ticks, power_of_n
from jaxgen.stats.intervals import finite

__all__ = ["Curve", "exponents", "growths", "levels"]

_LOWEST, _HIGHEST = -0.5, 4.0  # exponents beyond are noise
_DODGE, _SPREAD = 3, 16  # pixels between two names at one length, and of them all
_LETTER, _LINE = 6.4, 18  # pixels of a name and the air about it
_NAME = 36  # pixels of the name of a guide
_THIN = {**GUIDE, "linewidth": 0.75}
_AROUND = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)])


def growths(
    panels: Mapping[str, Mapping[str, Curve]],
    *,
    ylabel: str,
    xlabel: str = "tokens",
    slopes: Sequence[Number] = (1, 2),
) -> str:
    """What each length costs, on logarithmic axes: a panel a quantity or a place.

    A guide of slope p starts at the corner of the least length n₀ and the least value
    v₀ of its panel, and is named as a power of the length n::

        v = v₀ (n / n₀)^p

    Args:
        panels: for each panel, by its title, the curve of each name; all positive.
        ylabel: what was measured, with its unit.
        xlabel: what the lengths count.
        slopes: of the dashed guides; none negative.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: naming panel and name, if a number is not finite or not positive or
            sizes differ; or with more than 8 names or 6 panels.

    Example:
        >>> n = np.array([256, 512, 1024])
        >>> svg = growths({"CPU": {"dense": Curve(n, n, n, n)}}, ylabel="time, ms")
        >>> "1K" in svg and "n²" in svg
        True
    """
    shown, rising = positive_curves("panels", panels), _not_falling(slopes)
    looks = looks_of(shown)
    with house_style():
        figure, axes = length_panels(shown, xlabel=xlabel, ylabel=ylabel, title_pad=20)
        bottom, top = _decade(shown)
        axes[0].set_ylim(bottom, top)
        axes[0].set_yticks(*decimal_ticks(bottom, top, most=8))
        for ax, curves in zip(axes, shown.values(), strict=True):
            ax.grid(True, axis="y")
            for name, curve in curves.items():
                values = np.log10(np.stack(curve[1:]))
                mark_curve(ax, np.log2(curve.lengths), values, looks[name])
            _add_guides(ax, curves.values(), rising, octaves_a_pixel(axes))
        return inline_svg(figure)


def exponents(
    panels: Mapping[str, Mapping[str, Curve]],
    *,
    ylabel: str = "local exponent",
    xlabel: str = "tokens",
    laws: Mapping[str, Mapping[str, Curve]] = {},
    reference: Mapping[str, Number] = {},
) -> str:
    """Local exponents with their intervals over length, and what theory says of them.

    The exponent of a cost c(n) is the slope of `growths`::

        p(n) = d log c(n) / d log n

    The axis ends at −0.5 and 4 at most: an interval that goes on is drawn to its edge,
    an estimate beyond it is an open mark there. At one length the names stand side by
    side.

    Args:
        panels: for each panel, by its title, the curve of each name. Its lengths are
            the geometric means of those between which a slope was taken.
        ylabel: what was measured.
        xlabel: what the lengths count.
        laws: for any of the panels, smooth curves by name, of which the estimates are
            drawn; dashed, in the colour of the measured curve of that name if any.
        reference: values marked by dashed lines, such as ``{"O(n²)": 2}``.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: naming panel and name, if a number is not finite, a length not
            positive or sizes differ; if laws are of no panel; or with more than 8
            names or 6 panels.

    Example:
        >>> n, two = np.array([362, 724]), np.array([2.0, 2.0])
        >>> svg = exponents({"CPU": {"dense": Curve(n, two - 0.1, two, two + 0.1)}})
        >>> "local exponent" in svg
        True
    """
    return levels(
        panels,
        ylabel=ylabel,
        xlabel=xlabel,
        laws=laws,
        reference=reference,
        ends=(_LOWEST, _HIGHEST),
    )


def levels(
    panels: Mapping[str, Mapping[str, Curve]],
    *,
    ylabel: str,
    xlabel: str = "tokens",
    laws: Mapping[str, Mapping[str, Curve]] = {},
    reference: Mapping[str, Number] = {},
    ends: tuple[float, float] = (-math.inf, math.inf),
) -> str:
    """Numbers on a plain axis over lengths on a logarithmic one, as `exponents` has them.

    Args:
        panels: for each panel, by its title, the curve of each name.
        ylabel: what was measured.
        xlabel: what the lengths count.
        laws: smooth curves by panel and name, dashed.
        reference: values marked by dashed lines.
        ends: beyond which the axis does not go for what was measured.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: as `exponents`.

    Example:
        >>> n, loss = np.array([512, 1024]), np.array([2.1, 1.9])
        >>> svg = levels({"net": {"1K": Curve(n, loss, loss, loss)}}, ylabel="nats")
        >>> "nats" in svg
        True
    """
    shown, smooth = finite_curves("panels", panels), _of_panels(laws, panels)
    looks = looks_of(shown)
    with house_style():
        figure, axes = length_panels(
            shown, smooth, xlabel=xlabel, ylabel=ylabel, title_pad=11
        )
        axes[0].set_ylim(*_level_ends(shown, smooth, reference, ends))
        axes[0].yaxis.set_major_locator(round_numbers(6))
        aside = _side_by_side(list(looks), axes)
        for ax, (panel, curves) in zip(axes, shown.items(), strict=True):
            for value in reference.values():
                ax.axhline(value, **GUIDE)
            for name, law in smooth.get(panel, {}).items():
                colour = _law_colour(name, looks)
                ax.plot(*_points(law).T, "--", linewidth=1.25, color=colour, zorder=1)
            for name, curve in curves.items():
                x = np.log2(curve.lengths) + aside[name]
                _mark_within(ax, x, np.stack(curve[1:]), looks[name])
        for ax in ends_of_rows(axes):
            name_lines(ax, reference)
        settle(figure)
        for ax, panel in zip(axes, shown, strict=True):
            _name_laws(ax, smooth.get(panel, {}), looks)
        return inline_svg(figure)


def _not_falling(slopes: Sequence[Number]) -> list[float]:
    rising = finite("slopes", np.asarray(slopes, np.float64)).tolist()
    for i, slope in enumerate(rising):
        if slope < 0:
            raise ValueError(
                f"slopes[{i}] = {slope:g}; expected 0 or more, for a cost grows with "
                "length: draw its reciprocal"
            )
    return rising


def _decade(panels: Panels) -> tuple[float, float]:
    """Ends of the vertical axis, log₁₀: those of the data, but a decade apart."""
    low, high = _ends(np.log10(value) for curve in every(panels) for value in curve[1:])
    margin = max(0.06 * (high - low), (1 - (high - low)) / 2)
    return low - margin, high + margin


def _add_guides(
    ax: Axes, curves: Collection[Curve], slopes: Sequence[float], pixel: float
) -> None:
    """From the corner of the data to the edge of the panel, and named outside it."""
    x = min(math.log2(curve.lengths[0]) for curve in curves)
    y = min(math.log10(min(curve.estimate)) for curve in curves)
    right, top = ax.get_xlim()[1], ax.get_ylim()[1]
    at_right: dict[str, Number] = {}
    free = x
    for slope in sorted(slopes, reverse=True):
        climb = slope * math.log10(2)  # decades an octave
        end = x + min(right - x, (top - y) / max(climb, 1e-9))
        ax.plot((x, end), (y, y + climb * (end - x)), **_THIN)
        if end < right:
            label(ax, power_of_n(slope), (max(end, free), top), (0, 7), "center")
            free = max(end, free) + _NAME * pixel
        else:
            at_right[power_of_n(slope)] = y + climb * (end - x)
    name_lines(ax, at_right)


def _of_panels(laws: Panels, panels: Panels) -> dict[str, dict[str, Curve]]:
    for panel in laws:
        if panel not in panels:
            raise ValueError(f"laws[{panel!r}] has no panel; expected {list(panels)}")
    return finite_curves("laws", laws)


def _level_ends(
    shown: Panels,
    laws: Panels,
    reference: Mapping[str, Number],
    most: tuple[float, float],
) -> tuple[float, float]:
    """Ends of the vertical axis: what is drawn, but of data not beyond the most."""
    drawn = [np.asarray(value) for curve in every(shown) for value in curve[1:]]
    low, high = _ends([*drawn, *(np.asarray(curve.estimate) for curve in every(laws))])
    margin = max(0.06 * (min(high, most[1]) - max(low, most[0])), 0.1)
    ends = np.clip([low - margin, high + margin], *most)
    lines = finite("reference", np.array(list(reference.values()), np.float64))
    return _ends([ends, lines - margin, lines + margin])


def _side_by_side(names: Sequence[str], axes: Sequence[Axes]) -> dict[str, float]:
    """How far each name stands from its length, octaves, so that no bar hides another."""
    step = min(_DODGE, _SPREAD / len(names)) * octaves_a_pixel(axes)
    return {name: step * (i - (len(names) - 1) / 2) for i, name in enumerate(names)}


def _mark_within(
    ax: Axes, x: Float[np.ndarray, " k"], values: Float[np.ndarray, "3 k"], look: Look
) -> None:
    """The curve as far as the axis goes, open marks where an estimate goes on."""
    within = np.clip(values, *ax.get_ylim())
    mark_curve(ax, x, within, look)
    beyond = within[1] != values[1]
    if beyond.any():
        open_mark = {**look, "mfc": PAPER, "mec": look["color"], "linestyle": "none"}
        ax.plot(x[beyond], within[1, beyond], clip_on=False, zorder=4, **open_mark)


def _points(law: Curve) -> Float[np.ndarray, "k 2"]:
    return np.stack([np.log2(law.lengths), law.estimate], axis=1)


def _name_laws(ax: Axes, laws: Mapping[str, Curve], looks: Mapping[str, Look]) -> None:
    """Each beside its line, in a panel that has its final place."""
    taken = [
        along(line.get_transform().transform(line.get_xydata())) for line in ax.lines
    ]
    frame = ax.get_window_extent().get_points()
    for name, law in laws.items():
        size = np.array([_LETTER * (len(name) + 1), _LINE])
        line = ax.transData.transform(_points(law))
        middle = beside(line, size, frame, np.concatenate(taken))
        taken.append(along(middle + size / 2 * _AROUND))
        x, y = ax.transData.inverted().transform(middle).tolist()
        label(ax, name, (x, y), (0, 0), "center", _law_colour(name, looks))


def _law_colour(name: str, looks: Mapping[str, Look]) -> str:
    return looks[name]["color"] if name in looks else INK


def _ends(arrays: Iterable[np.ndarray]) -> tuple[float, float]:
    values = np.concatenate(list(arrays))
    return float(values.min()), float(values.max())
