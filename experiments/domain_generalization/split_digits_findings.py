"""From accuracies on pairs of digits to what holds on to them."""

from collections.abc import Mapping

import numpy as np

from experiments.criterion import Criterion
from experiments.domain_generalization.continual_settings import FisherName
from experiments.domain_generalization.split_digits_runs import SplitRuns
from jaxgen.arrays import Float
from jaxgen.metrics.forgetting import final_mean
from jaxgen.stats.student import student_interval
from jaxgen.stats.verdict import above

CLAIM = (
    "Elastic weight consolidation keeps earlier pairs of digits, whichever way its Fisher "
    "information is computed"
)
MARGIN = 1.0
"""Threshold: points of accuracy that count as nothing."""

Runs = Mapping[FisherName, SplitRuns]


def final_accuracy(accuracy: Float[np.ndarray, "... k k"]) -> np.ndarray:
    """The mean over pairs after the last stage, in percent."""
    return 100 * (1 - np.asarray(final_mean(1 - accuracy)))


def naive_accuracy(runs: Runs) -> Float[np.ndarray, " s"]:
    """Of runs whose penalty has no weight, whichever kind was never computed."""
    one = next(iter(runs.values()))
    return final_accuracy(one.accuracy[one.weights.index(0.0)])


def kept_accuracy(runs: SplitRuns) -> Float[np.ndarray, " s"]:
    """Of the runs of one kind whose penalty has a weight."""
    return final_accuracy(runs.accuracy[-1])


def gains(runs: Runs) -> dict[FisherName, Float[np.ndarray, " s"]]:
    """Points above learning without a penalty, seed by seed."""
    base = naive_accuracy(runs)
    return {name: kept_accuracy(one) - base for name, one in runs.items()}


def split_criteria(runs: Runs) -> list[Criterion]:
    """The claim, as it was written down before any run that is reported."""
    return [
        Criterion(
            f"EWC, {name} Fisher information: more than {MARGIN:.0f} point of accuracy "
            "above no penalty.",
            student_interval(gain),
            "points",
            above(student_interval(gain), MARGIN),
        )
        for name, gain in gains(runs).items()
    ]
