"""Means of few values that are nearly normal: their interval, and what it could find.

Where values are as few as domains are, Student's interval covers what it says; the
bootstrap of `jaxgen.stats.intervals` would need more of them.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import nct, t

from jaxgen.arrays import Array, Shaped
from jaxgen.stats.intervals import Interval, check_level, finite
from jaxgen.stats.verdict import Verdict


class Found(NamedTuple):
    """A mean, and the least that would have been found."""

    interval: Interval
    detectable: float


def student_interval(
    values: Shaped[Array | np.ndarray, " units"], level: float = 0.95
) -> Interval:
    """Student's interval of a mean: ``m -+ t s / sqrt(n)``.

    Args:
        values: one number for each independent unit.
        level: the coverage, between 0 and 1.

    Raises:
        ValueError: with fewer than two values, one that is not finite, or a level
            outside (0, 1).

    References:
        Student, "The Probable Error of a Mean", Biometrika 6 (1908).

    Example:
        >>> low, mean, high = student_interval(np.array([1.0, 2.0, 3.0]))
        >>> round(low, 3), mean, round(high, 3)
        (-0.484, 2.0, 4.484)
    """
    check_level(level)
    numbers = _two_or_more(values)
    half = t.ppf((1 + level) / 2, len(numbers) - 1) * _error(numbers)
    mean = float(numbers.mean())
    return Interval(float(mean - half), mean, float(mean + half))


def minimum_detectable_effect(
    values: Shaped[Array | np.ndarray, " units"],
    level: float = 0.95,
    power: float = 0.8,
) -> float:
    """The mean that a t test of so many values, spread as these, finds so often.

    Solves ``P(T > t_(1 + level) / 2) = power`` for the mean, where T is noncentral with
    ``sqrt(n) mean / s``; to find it with the wrong sign does not count. Print it beside
    each difference that was not found: it tells what could have been.

    Args:
        values: one number for each independent unit; only their spread counts.
        level: one less the test's size.
        power: how often it is found.

    Raises:
        ValueError: as `student_interval`; or a power that is not between the test's size
            and one.

    References:
        Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), chapter 2.

    Example:
        >>> many = np.tile([-1.0, 1.0], 5_000)  # (1.960 + 0.842) / 100
        >>> round(minimum_detectable_effect(many), 4)
        0.028
    """
    check_level(level)
    numbers = _two_or_more(values)
    if not 1 - level < power < 1:
        raise ValueError(f"power = {power}; expected between {1 - level:.3g} and 1")
    freedom = len(numbers) - 1
    edge = t.ppf((1 + level) / 2, freedom)

    def missed(shift: float) -> float:
        return float(nct.sf(edge, freedom, shift) - power)

    enough = 1.0
    while missed(enough) < 0:  # far beyond, the noncentral t has no numbers
        enough *= 1.5
    shift: Any = brentq(missed, 0, enough)
    return float(shift) * _error(numbers)


def found(values: Shaped[Array | np.ndarray, " units"]) -> Found:
    """The 95 % interval of a mean, and what a test would have found four times in five.

    Example:
        >>> found(np.zeros(3))
        Found(interval=Interval(low=0.0, estimate=0.0, high=0.0), detectable=0.0)
    """
    return Found(student_interval(values), minimum_detectable_effect(values))


def equivalent(
    values: Shaped[Array | np.ndarray, " units"],
    margin: float | int,
    size: float = 0.05,
) -> Verdict:
    """Verdict on the claim that a mean is zero but for a margin, by two one-sided tests.

    *Supported* if the interval of level ``1 - 2 size`` lies within the margin, *refuted*
    if it lies outside, *undecided* otherwise.

    Args:
        values: one number for each independent unit.
        margin: what counts as nothing, chosen before the run.
        size: of each of the two tests.

    Raises:
        ValueError: as `student_interval`; or a margin that is not positive.

    References:
        Schuirmann, "A Comparison of the Two One-Sided Tests Procedure and the Power
        Approach", Journal of Pharmacokinetics and Biopharmaceutics 15 (1987).

    Example:
        >>> equivalent(np.array([0.01, -0.01, 0.0, 0.005]), 0.02)
        'supported'
    """
    if not 0 < margin < float("inf"):
        raise ValueError(f"margin = {margin}; expected more than 0, and finite")
    low, _, high = student_interval(values, 1 - 2 * size)
    if -margin < low and high < margin:
        return "supported"
    return "refuted" if low > margin or high < -margin else "undecided"


def _two_or_more(values: Shaped[Array | np.ndarray, " units"]) -> np.ndarray:
    numbers = finite("values", values)
    if len(numbers) < 2:
        raise ValueError(
            f"values holds {len(numbers)} unit(s); an interval needs at least 2"
        )
    return numbers


def _error(numbers: np.ndarray) -> float:
    return float(numbers.std(ddof=1) / np.sqrt(len(numbers)))
