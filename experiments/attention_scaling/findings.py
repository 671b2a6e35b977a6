"""From costs to findings: how each grows, where lines cross, and the claim's criteria."""

from typing import NamedTuple

import numpy as np

from experiments.attention_scaling.calibration import (
    FLOPS_WITHIN,
    KNOWN,
    TIME_WITHIN,
    known_exponent,
)
from experiments.attention_scaling.costs import Costs, Line
from experiments.attention_scaling.mechanisms import SPARSE
from experiments.attention_scaling.titles import TITLES
from experiments.criterion import Criterion
from jaxgen.stats.growth import exponent
from jaxgen.stats.intervals import Interval, mean_interval
from jaxgen.stats.verdict import above, below

LONG = 4096
"""Tokens from which on a pattern's growth is judged, where as many were measured."""
FULL = ("full", "dense")
"""Mechanisms by which every query attends to every key."""
QUADRATIC, LINEAR, PAYS = 1.5, 1.15, 2
"""Thresholds: half way from a line to a square; a line, and what caches add; twice."""


class Calibrated(NamedTuple):
    """A known operation as it was measured.

    Attributes:
      name: of its growth.
      known: exponent that it must show.
      time: exponent of its time.
      flops: exponent of its work as XLA counts it.
    """

    name: str
    known: float
    time: Interval
    flops: float

    @property
    def right(self) -> bool:
        """Whether both came back within their bounds."""
        near = abs(self.time.estimate - self.known) <= TIME_WITHIN
        return near and abs(self.flops - self.known) <= FLOPS_WITHIN


def calibrated(costs: Costs) -> list[Calibrated]:
    """Every known operation."""
    lines = {name: costs["calibration", False, name] for name in KNOWN}
    return [
        Calibrated(
            name,
            known_exponent(name),
            exponent(line.lengths, line.seconds),
            exponent(line.lengths, line.xla_flops[None]).estimate,
        )
        for name, line in lines.items()
    ]


def far(lengths: np.ndarray) -> np.ndarray:
    """Which lengths growth is judged by: the long ones, or the last two.

    Example:
      >>> far(np.array([512, 1024, 2048, 4096])).tolist()
      [False, False, True, True]
    """
    return lengths >= min(LONG, lengths[-2])


def per_token(line: Line) -> Interval:
    """How many times more a token costs in the longest sequence than in the shortest."""
    cost = line.seconds / line.lengths
    return times(cost[:, -1], cost[:, 0])


def times(one: np.ndarray, other: np.ndarray) -> Interval:
    """How many times more one is than the other: a geometric mean over rounds."""
    low, estimate, high = np.exp(mean_interval(np.log(one / other)))
    return Interval(float(low), float(estimate), float(high))


def speed_up(
    costs: Costs, gradient: bool, scope: str, slow: str, fast: str
) -> Interval:
    """How much faster one mechanism is at the longest length that both were given."""
    one, other = costs[scope, gradient, slow], costs[scope, gradient, fast]
    longest = shared(one, other)[-1]
    return times(
        one.seconds[:, one.lengths == longest][:, 0],
        other.seconds[:, other.lengths == longest][:, 0],
    )


def shared(one: Line, other: Line) -> np.ndarray:
    """Lengths that both lines have."""
    return np.intersect1d(one.lengths, other.lengths)


def quadratic_criteria(costs: Costs, scope: str, gradient: bool) -> list[Criterion]:
    """Self-attention costs the square of the length: in time, and in memory."""
    operators = {name: costs.get(("operator", gradient, name)) for name in FULL}
    found = [
        grows(TITLES[name], "time", line, line.seconds)
        for name, line in operators.items()
        if line is not None
    ]
    dense = operators["dense"]
    if dense is not None:
        found.append(grows(TITLES["dense"], "memory", dense, dense.temporaries[None]))
    whole = costs.get((scope, gradient, "full"))
    if whole is not None:
        ratio = per_token(whole)
        sentence = (
            f"{scope}: more than {PAYS} times dearer a token, shortest to longest"
        )
        found.append(Criterion(sentence, ratio, "times", above(ratio, PAYS)))
    return found


def sparse_criteria(costs: Costs, scope: str, gradient: bool) -> list[Criterion]:
    """Sparse attention brings that down: to a line, and so far that it pays."""
    found = []
    for name in SPARSE:
        line = costs.get(("operator", gradient, name))
        if line is None:
            continue
        title = TITLES[name]
        found.append(stays(title, "time", line, line.seconds))
        found.append(stays(title, "memory", line, line.temporaries[None]))
        if all((scope, gradient, each) in costs for each in ("full", name)):
            ratio = speed_up(costs, gradient, scope, "full", name)
            sentence = f"{title}: {scope} more than {PAYS} times faster than with full"
            found.append(Criterion(sentence, ratio, "times", above(ratio, PAYS)))
    return found


def grows(title: str, what: str, line: Line, values: np.ndarray) -> Criterion:
    """That a cost grows faster than half way from a line to a square."""
    first, power = far_exponent(line, values)
    sentence = f"{title}: {what} grows faster than n^{QUADRATIC} from {first:,} on"
    return Criterion(sentence, power, "", above(power, QUADRATIC))


def stays(title: str, what: str, line: Line, values: np.ndarray) -> Criterion:
    """That a cost grows with hardly more than a line."""
    first, power = far_exponent(line, values)
    sentence = f"{title}: {what} grows slower than n^{LINEAR} from {first:,} on"
    return Criterion(sentence, power, "", below(power, LINEAR))


def far_exponent(line: Line, values: np.ndarray) -> tuple[int, Interval]:
    """The exponent over the longer calls of a line, and the first of their lengths."""
    kept = far(line.lengths)
    return int(line.lengths[kept][0]), exponent(line.lengths[kept], values[:, kept])
