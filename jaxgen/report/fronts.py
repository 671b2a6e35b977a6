"""What each method gains and what it costs: all its points, and the front they make."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jaxgen.arrays import Array, Shaped
from jaxgen.report.canvas import (
    MUTED,
    Axes,
    canvas,
    house_style,
    inline_svg,
    key_above,
    round_numbers,
    small_multiples,
)
from jaxgen.report.length_panels import Look, looks_of_names
from jaxgen.report.series import Number
from jaxgen.stats.intervals import finite
from jaxgen.stats.pareto import most_within


class Points(NamedTuple):
    """What the settings of a method came to.

    Attributes:
      cost: of each setting; the less, the better.
      value: of the same; the more, the better.
    """

    cost: Shaped[Array | np.ndarray, " points"]
    value: Shaped[Array | np.ndarray, " points"]


def fronts(
    panels: Mapping[str, Mapping[str, Points]],
    *,
    xlabel: str,
    ylabel: str,
    budget: Number,
) -> str:
    """Value over cost: every point a mark, a staircase from the origin for the front.

    A staircase is the most that is had at no more than each cost; to do nothing costs
    nothing. Points of a higher cost than the budget are beyond the panel; those far below
    the origin, worse than nothing, stand at its lower edge.

    Args:
        panels: for each panel, by its title, the points of each name; three at most.
        xlabel: what it costs, with its unit.
        ylabel: what it is worth, with its unit.
        budget: where the horizontal axis ends.

    Returns:
        An ``<svg>`` element.

    Raises:
        ValueError: a number that is not finite, a budget that is not positive, no panel
            or more than three, more names than looks.

    Example:
        >>> points = Points(np.array([0.1, 0.3]), np.array([1.0, 2.0]))
        >>> svg = fronts(
        ...     {"": {"full": points}}, xlabel="lost", ylabel="gained", budget=0.5
        ... )
        >>> "gained" in svg
        True
    """
    if not 1 <= len(panels) <= 3 or budget <= 0:
        raise ValueError(
            f"{len(panels)} panels and a budget of {budget}: expected 1 to 3 panels, and "
            "a budget above 0"
        )
    shown = _finite(panels)
    looks = looks_of_names([name for each in shown.values() for name in each])
    every = [points.value for each in shown.values() for points in each.values()]
    top = max(1e-3, float(np.concatenate(every).max()))
    with house_style():
        figure = canvas(330, layout="constrained")
        axes = small_multiples(figure, len(shown), most=3)
        axes[0].set_xlim(-0.04 * budget, budget)
        axes[0].set_ylim(-0.25 * top, 1.08 * top)
        axes[0].xaxis.set_major_locator(round_numbers(4))
        for ax, (title, each) in zip(axes, shown.items(), strict=True):
            ax.set_title(title)
            ax.grid(True, axis="y")
            ax.axhline(0, color=MUTED, linewidth=0.75, zorder=0)
            for name, points in each.items():
                _draw(ax, points, looks[name], budget, -0.22 * top)
        figure.supxlabel(xlabel, size=11, color=MUTED)
        figure.supylabel(ylabel, size=11, color=MUTED)
        key_above(figure, looks, min(len(looks), 5))
        return inline_svg(figure)


def _finite(
    panels: Mapping[str, Mapping[str, Points]],
) -> dict[str, dict[str, Points]]:
    return {
        title: {
            name: Points(
                finite(f"panels[{title!r}][{name!r}].cost", points.cost),
                finite(f"panels[{title!r}][{name!r}].value", points.value),
            )
            for name, points in each.items()
        }
        for title, each in panels.items()
    }


def _draw(ax: Axes, points: Points, look: Look, budget: Number, least: float) -> None:
    cost, value = points
    at = np.unique(np.clip([0.0, *cost[cost < budget], budget], 0.0, budget))
    line = {**look, "marker": "", "linewidth": 1.5}
    ax.step(at, most_within(cost, value, at), where="post", **line)
    inside = cost <= budget
    marks = {**look, "linestyle": "none", "ms": 4.5, "alpha": 0.8}
    ax.plot(cost[inside], np.maximum(value[inside], least), zorder=3, **marks)
