"""What the figures accept: named arrays of finite numbers, one for each method."""

from collections.abc import Mapping

import numpy as np

from jaxgen.arrays import Array, Shaped
from jaxgen.stats.intervals import finite

Number = float | int
"""A real number of a caller's, who may write 8 for 8.0."""

Series = Mapping[str, Shaped[Array | np.ndarray, "..."]]
"""An array for each method, by the name that its label bears."""


def finite_series(field: str, series: Series) -> dict[str, np.ndarray]:
    """Each array in float64, refused if there is none or a number is not finite.

    Args:
        field: what the message calls the series.
        series: real numbers for each method.

    Returns:
        The same numbers on the host, in the same order.

    Raises:
        ValueError: naming the method and the index.
    """
    if not series:
        raise ValueError(f"{field} is empty; a figure needs at least one method")
    return {name: finite(f"{field}[{name!r}]", each) for name, each in series.items()}


def series_over(
    field: str, series: Series, steps: np.ndarray, axis: int
) -> dict[str, np.ndarray]:
    """As `finite_series`, each array with one entry a step along ``axis``.

    Args:
        field: what the message calls the series.
        series: real numbers for each method.
        steps: of training.
        axis: along which each array runs over the steps.

    Returns:
        The same numbers on the host, in the same order.

    Raises:
        ValueError: if an array has more or fewer entries than there are steps, or as
          `finite_series`.
    """
    finished = finite_series(field, series)
    for name, each in finished.items():
        if each.shape[axis] != len(steps):
            raise ValueError(
                f"{field}[{name!r}] has shape {each.shape}; expected {len(steps)} "
                f"along axis {axis}, one for each step"
            )
    return finished
