"""Verdicts: what an interval says of a threshold that was written down before."""

import math
from typing import Literal

from jaxgen.stats.intervals import Interval

Verdict = Literal["supported", "refuted", "undecided"]
"""Whether the data bear a claim out, contradict it, or do neither."""


def above(interval: Interval, threshold: float | int) -> Verdict:
    """Verdict on the claim that a quantity exceeds a threshold.

    *Supported* if the whole interval lies above the threshold, *refuted* if the whole
    of it lies below, *undecided* if it holds the threshold.

    Args:
        interval: of the quantity.
        threshold: in the unit of the quantity, chosen before the run.

    Returns:
        The verdict.

    Raises:
        ValueError: if the threshold or an end of the interval is NaN.

    Example:
        >>> above(Interval(5.2, 6.1, 7.0), 5.0)
        'supported'
    """
    for name, value in (*interval._asdict().items(), ("threshold", threshold)):
        if math.isnan(value):
            raise ValueError(f"{name} = nan; a verdict needs a number")
    if interval.low > threshold:
        return "supported"
    return "refuted" if interval.high < threshold else "undecided"


def below(interval: Interval, threshold: float | int) -> Verdict:
    """Verdict on the claim that a quantity falls short of a threshold.

    The mirror of `above`: *supported* if the whole interval lies below.

    Args:
        interval: of the quantity.
        threshold: in the unit of the quantity, chosen before the run.

    Returns:
        The verdict.

    Raises:
        ValueError: if the threshold or an end of the interval is NaN.

    Example:
        >>> below(Interval(5.2, 6.1, 7.0), 6.5)
        'undecided'
    """
    low, estimate, high = interval
    return above(Interval(-high, -estimate, -low), -threshold)


def all_of(*verdicts: Verdict) -> Verdict:
    """Verdict on a claim that holds only where all its parts hold.

    *Refuted* if any part is, *supported* if every part is, otherwise *undecided*.

    Args:
        *verdicts: on the parts, at least one.

    Returns:
        The verdict on the whole.

    Raises:
        ValueError: without a part, which would support anything.

    Example:
        >>> all_of("supported", "undecided")
        'undecided'
    """
    if not verdicts:
        raise ValueError("all_of() has no verdict to join; give it at least one")
    if "refuted" in verdicts:
        return "refuted"
    return "undecided" if "undecided" in verdicts else "supported"
