"""Samples in the plane over training, as inline SVG of its own making."""

from collections.abc import Iterator, Mapping
from html import escape

import numpy as np

from jaxgen.arrays import Array, Shaped
from jaxgen.stats.intervals import finite

_WIDTH, _SIDE, _GAP, _TITLE, _FOOT = 736, 150, 8, 22, 40  # CSS pixels


def clouds(
    rows: Mapping[str, Shaped[Array | np.ndarray, "_times _points 2"]],
    steps: Shaped[Array | np.ndarray, " _times"],
    means: Shaped[Array | np.ndarray, "_modes 2"],
) -> str:
    """Samples over training: a row a run, a column a step, a ring about each mode.

    All panels have one frame, wider by a quarter than the modes; a sample beyond the
    frame is drawn on its edge, so that none is hidden.

    Args:
      rows: for each run, its samples at each step.
      steps: of training, one for each column.
      means: centres of the true modes.

    Returns:
      An ``<svg>`` element.

    Raises:
      ValueError: if a coordinate is not finite or a row has not one set of points for
        each step.

    Example:
      >>> svg = clouds({"GAN": np.zeros((2, 9, 2))}, np.array([0, 100]), np.eye(2))
      >>> svg.count('href="#dot-')
      18
    """
    at, modes = finite("steps", steps), finite("means", means)
    samples = {name: finite(f"rows[{name!r}]", each) for name, each in rows.items()}
    for name, each in samples.items():
        if len(each) != at.size:
            raise ValueError(
                f"rows[{name!r}] has {len(each)} sets of points; expected one for each "
                f"of the {at.size} steps"
            )
