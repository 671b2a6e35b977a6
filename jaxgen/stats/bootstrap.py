"""Means of rounds drawn again, for what is computed from all of them at once."""

import math

import numpy as np

from jaxgen.arrays import Shaped
from jaxgen.stats.intervals import Interval, check_level


def resampled_means(
    values: Shaped[np.ndarray, "rounds quantities"], resamples: int
) -> Shaped[np.ndarray, "draws quantities"]:
    """The mean over rounds, and below it the means of rounds drawn with replacement.

    All quantities of a round are drawn together, so what they share within it cancels
    in a difference. The generator is seeded anew at each call; one round alone is
    exact and not drawn again.

    Args:
        values: for each round a row.
        resamples: how many times as many rounds as there are get drawn.

    Returns:
        One row for the rounds as they are, then one for each resample.

    References:
        Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics
        7 (1979), section 2.

    Example:
        >>> resampled_means(np.array([[1.0, 4.0], [3.0, 4.0]]), 500)[0]
        array([2., 4.])
    """
    rounds = len(values)
    drawn = np.random.default_rng(0).multinomial(
        rounds, np.full(rounds, 1 / rounds), size=resamples if rounds > 1 else 0
    )
    times = np.concatenate([np.ones((1, rounds)), drawn])
    # about the first round, so that equal rounds have means equal to the last digit
    return values[0] + times @ (values - values[0]) / rounds


def percentile_interval(
    draws: Shaped[np.ndarray, " draws"], level: float = 0.95
) -> Interval:
    """The middle of what the resamples gave, about what the sample itself gave.

    With α = (1 − level) / 2 and B draws, sorted, the ends are the draws of rank
    ⌊α (B − 1)⌋ from below and from above. No end lies between two draws: infinite ones
    are as good as others. The interval is widened to hold its estimate.

    Args:
        draws: the statistic of the sample first, then of its resamples; may be
            infinite.
        level: the nominal coverage, between 0 and 1.

    Returns:
        The interval, its estimate the first draw.

    Raises:
        ValueError: with a level outside (0, 1).

    References:
        Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3.

    Example:
        >>> percentile_interval(np.array([1.0, 9.0, np.inf, 0.0, 2.0]), 0.5)
        Interval(low=1.0, estimate=1.0, high=9.0)
    """
    check_level(level)
    ranked, estimate = np.sort(draws), float(draws[0])
    skipped = math.floor((1 - level) / 2 * (len(ranked) - 1))
    low, high = float(ranked[skipped]), float(ranked[-1 - skipped])
    return Interval(min(low, estimate), estimate, max(high, estimate))
