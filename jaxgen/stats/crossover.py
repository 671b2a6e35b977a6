"""The length from which on one of two costs stays below the other."""

import numpy as np

from jaxgen.arrays import Array, Shaped
from jaxgen.stats.bootstrap import percentile_interval, resampled_means
from jaxgen.stats.costs import increasing_lengths, positive_costs
from jaxgen.stats.intervals import Interval

_RESAMPLES = 9_999


def crossover(
    lengths: Shaped[Array | np.ndarray, " lengths"],
    one: Shaped[Array | np.ndarray, "rounds lengths"],
    other: Shaped[Array | np.ndarray, "rounds lengths"],
    level: float = 0.95,
) -> Interval:
    """The length from which on ``other`` stays cheaper than ``one``.

    Where the mean over rounds of the log ratio::

        dⱼ = log(oneⱼ / otherⱼ)

    exceeds 0 at all longer lengths, and not at the one before; between these two it is
    a straight line in log n. The ends are percentiles over 9,999 resamples of the
    rounds, drawn alike for both: what slows down a whole round cancels. Of normal
    ratios, a nominal 95 % covers 50 % at 2 rounds, 75 % at 3, 84 % at 5, 90 % at 9, 93 %
    at 20.

    Args:
        lengths: increasing, at least 2.
        one: positive, in seconds or bytes; for each round a row.
        other: as ``one``; row i was measured in the round of ``one[i]``.
        level: the nominal coverage, between 0 and 1.

    Returns:
        The interval. 0 stands for "already at the shortest length" and infinity for
        "not by the longest", at the ends as in the middle; one round is exact.

    Raises:
        ValueError: with fewer than 2 lengths, lengths that do not increase, a cost that
            is not positive, shapes that do not match, or a level outside (0, 1).

    References:
        Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3.

    Example:
        >>> n = np.array([64, 256, 1024])
        >>> crossover(n, n[None] ** 2, 128 * n[None]).estimate
        128.0
    """
    at = increasing_lengths(lengths, 2, "a crossover")
    dear = positive_costs("one", one, ("rounds", len(at)))
    cheap = positive_costs("other", other, (len(dear), len(at)))
    advantages = resampled_means(np.log(dear) - np.log(cheap), _RESAMPLES)
    return percentile_interval(_last_crossings(at, advantages), level)


def _last_crossings(lengths: np.ndarray, advantages: np.ndarray) -> np.ndarray:
    behind = advantages <= 0
    last = len(lengths) - 1 - behind[:, ::-1].argmax(axis=1)
    start = np.minimum(last, len(lengths) - 2)  # the longest begins no interval
    rows = np.arange(len(advantages))
    below, above = advantages[rows, start], advantages[rows, start + 1]
    crosses = (below <= 0) & (above > 0)
    share = np.divide(below, below - above, out=np.zeros_like(below), where=crosses)
    between = lengths[start] * (lengths[start + 1] / lengths[start]) ** share
    late = np.where(behind[:, -1], np.inf, between)
    return np.where(behind.any(axis=1), late, 0.0)
