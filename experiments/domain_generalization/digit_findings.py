"""From accuracies on stages of digits to what was lost, and to what holds on to them."""

from collections.abc import Mapping

import numpy as np

from experiments.domain_generalization.digit_runs import DigitRuns
from jaxgen.arrays import Float
from jaxgen.metrics.forgetting import final_mean, forgetting_since_best

MARGIN = 1.0
"""Threshold: points of accuracy that count as nothing."""

Runs = Mapping[str, DigitRuns]
"""By what is done against forgetting; the first have runs without a penalty, too."""


def final_accuracy(accuracy: Float[np.ndarray, "... k k"]) -> np.ndarray:
    """The mean over stages after the last one, in percent."""
    return 100 * (1 - np.asarray(final_mean(1 - accuracy)))


def lost_accuracy(accuracy: Float[np.ndarray, "... k k"]) -> np.ndarray:
    """Points that earlier stages lost since they were at their best, their mean."""
    return 100 * np.asarray(forgetting_since_best(1 - accuracy))


def naive(runs: Runs) -> Float[np.ndarray, "s k k"]:
    """Of runs whose penalty has no weight, whatever it is of."""
    one = next(iter(runs.values()))
    return one.accuracy[one.weights.index(0.0)]


def kept(runs: DigitRuns) -> Float[np.ndarray, "s k k"]:
    """Of the runs of one strategy whose penalty has a weight."""
    return runs.accuracy[-1]


def gains(runs: Runs) -> dict[str, Float[np.ndarray, " s"]]:
    """Points above learning without a penalty, seed by seed."""
    base = final_accuracy(naive(runs))
    return {name: final_accuracy(kept(one)) - base for name, one in runs.items()}
