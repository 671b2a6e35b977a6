"""What can be had at which price: the front of points of which none is better in both."""

import numpy as np

from jaxgen.arrays import Array, Float, Shaped
from jaxgen.stats.intervals import finite


def most_within(
    cost: Shaped[Array | np.ndarray, "*units points"],
    value: Shaped[Array | np.ndarray, "*units points"],
    budgets: Shaped[Array | np.ndarray, " m"],
) -> Float[np.ndarray, "*units m"]:
    """The largest value that costs no more than each budget.

    To do nothing costs nothing and is worth nothing: it is a point as well.

    Args:
      cost: of each point.
      value: of the same.
      budgets: prices that could be paid.

    Raises:
      ValueError: a cost or a value that is not finite.

    Example:
      >>> cost, value = np.array([0.1, 0.2, 0.3]), np.array([1.0, 3.0, 2.0])
      >>> most_within(cost, value, np.array([0.0, 0.1, 0.5])).tolist()
      [0.0, 1.0, 3.0]
    """
    price, worth = finite("cost", cost), finite("value", value)
    limit = finite("budgets", budgets)
    paid = price[..., None, :] <= limit[:, None]
    return np.where(paid, worth[..., None, :], 0.0).max(-1, initial=0.0)


def area_under_front(
    cost: Shaped[Array | np.ndarray, "*units points"],
    value: Shaped[Array | np.ndarray, "*units points"],
    budget: float,
) -> Float[np.ndarray, "*units"]:
    """The mean of `most_within` over all budgets from nothing to this one: exact.

    It is in the unit of the value: what a front gives whatever price is agreed on, where
    one point would speak of one price alone.

    Args:
      cost: of each point; below zero is as good as zero.
      value: of the same.
      budget: the largest price.

    Raises:
      ValueError: as `most_within`; or a budget that is not positive.

    References:
      Zitzler and Thiele, 1998, *Multiobjective optimization using evolutionary algorithms*,
      as the size of the space covered.

    Example:
      >>> cost, value = np.array([0.1, 0.2, 0.9]), np.array([1.0, 3.0, 9.0])
      >>> round(float(area_under_front(cost, value, 0.4)), 6)  # (0 + 1 + 3 + 3) / 4
      1.75
    """
    if not 0 < budget < float("inf"):
        raise ValueError(f"budget = {budget}: expected more than 0, and finite")
    price = np.clip(finite("cost", cost), 0.0, budget)
    worth = np.where(np.asarray(cost) < budget, finite("value", value), 0.0)
    order = np.argsort(price, axis=-1, kind="stable")
    steps = np.take_along_axis(price, order, -1)
    best = np.maximum.accumulate(np.take_along_axis(worth, order, -1), axis=-1)
    ends = np.concatenate([steps[..., 1:], np.full_like(steps[..., :1], budget)], -1)
    return np.asarray((np.maximum(best, 0.0) * (ends - steps)).sum(-1) / budget)
