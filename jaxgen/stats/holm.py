"""Many tests at once."""

import numpy as np

from jaxgen.arrays import Array, Shaped
from jaxgen.stats.intervals import finite


def holm(p_values: Shaped[Array | np.ndarray, " tests"]) -> np.ndarray:
    """P-values corrected for their number, so that all tests together keep their size.

    In rising order computes ``max_(j <= i) min((m - j) p_j, 1)``, j from 0.

    Args:
        p_values: of m tests.

    Returns:
        As many, in the order given.

    Raises:
        ValueError: a number that is no probability.

    References:
        Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian
        Journal of Statistics 6 (1979).

    Example:
        >>> holm(np.array([0.04, 0.01, 0.03])).tolist()
        [0.06, 0.03, 0.06]
    """
    values = finite("p_values", p_values)
    if np.any((values < 0) | (values > 1)):
        raise ValueError(f"p_values = {values.tolist()}; expected from 0 to 1")
    order = np.argsort(values, kind="stable")
    steps = np.arange(len(values), 0, -1) * values[order]
    corrected = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected[np.argsort(order, kind="stable")]
