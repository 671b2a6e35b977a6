"""A quantity at several lengths with its intervals, and which of them can be drawn."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from jaxgen.arrays import Array, Shaped
from jaxgen.stats.intervals import finite


class Curve(NamedTuple):
    """An estimate at each length, in an interval whose ends are equal if it is exact."""

    lengths: Shaped[Array | np.ndarray, " k"]
    low: Shaped[Array | np.ndarray, " k"]
    estimate: Shaped[Array | np.ndarray, " k"]
    high: Shaped[Array | np.ndarray, " k"]


Panels = Mapping[str, Mapping[str, Curve]]
"""For each panel, by its title, the curve of each name."""


def every(panels: Panels) -> Iterator[Curve]:
    """All curves of all panels."""
    for curves in panels.values():
        yield from curves.values()


def finite_curves(field: str, panels: Panels) -> dict[str, dict[str, Curve]]:
    """Each curve in float64 and in order of length.

    Args:
        field: what the message calls the panels.
        panels: curves of finite numbers at positive lengths.

    Returns:
        The same curves on the host.

    Raises:
        ValueError: naming panel and name, if a number is not finite, a length is not
            positive, sizes differ or are zero, an interval ends before it begins, or a
            panel has no curve.
    """
    for panel, curves in panels.items():
        if not curves:
            raise ValueError(f"{field}[{panel!r}] is empty; expected at least one name")
    return {
        panel: {
            name: _in_order(f"{field}[{panel!r}][{name!r}]", curve)
            for name, curve in curves.items()
        }
        for panel, curves in panels.items()
    }


def positive_curves(field: str, panels: Panels) -> dict[str, dict[str, Curve]]:
    """As `finite_curves`, with every number positive.

    Raises:
        ValueError: as there; or if a number has no logarithm.
    """
    curves = finite_curves(field, panels)
    for panel, named in curves.items():
        for name, curve in named.items():
            _require_positive(f"{field}[{panel!r}][{name!r}]", curve)
    return curves


def _in_order(where: str, curve: Curve) -> Curve:
    parts = Curve(
        *(finite(f"{where}.{part}", each) for part, each in curve._asdict().items())
    )
    shapes = {part: each.shape for part, each in parts._asdict().items()}
    if len({(parts.lengths.size,), *shapes.values()}) > 1 or not parts.lengths.size:
        raise ValueError(
            f"{where} has shapes {shapes}; expected the same (k,), one number a length"
        )
    _require_positive(where, Curve(parts.lengths, *[np.ones(1)] * 3))
    crossed = np.flatnonzero(parts.low > parts.high)
    if crossed.size:
        i = crossed[0]
        raise ValueError(
            f"{where}.low[{i}] = {parts.low[i]:g}, above high[{i}] = {parts.high[i]:g}; "
            "expected an interval"
        )
    order = np.argsort(parts.lengths, kind="stable")
    return Curve(*(each[order] for each in parts))


def _require_positive(where: str, curve: Curve) -> None:
    for part, each in curve._asdict().items():
        wrong = np.flatnonzero(each <= 0)
        if wrong.size:
            raise ValueError(
                f"{where}.{part}[{wrong[0]}] = {each[wrong[0]]:g}; expected a positive "
                "number, for the axis is logarithmic: leave this length out"
            )
