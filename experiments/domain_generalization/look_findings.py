"""From wrong answers on looks left out to differences from the mean loss, seed by seed."""

from collections.abc import Mapping

import numpy as np

from experiments.criterion import Criterion
from experiments.domain_generalization.algorithm_findings import METHODS
from experiments.domain_generalization.look_runs import LookRuns
from experiments.domain_generalization.method_names import MethodName, SelectionName
from experiments.domain_generalization.selection import (
    SELECTIONS,
    Choice,
    with_a_look,
)
from jaxgen.arrays import Float
from jaxgen.stats.intervals import Interval
from jaxgen.stats.student import student_interval
from jaxgen.stats.verdict import below

CLAIM = (
    "No algorithm for domain generalization tells digits of an unseen look better than the "
    "mean loss over looks does, of the weights and rates that were tried"
)
MARGIN = 1.0
"""Threshold: points of right answers that count as nothing."""

Runs = Mapping[MethodName, LookRuns]


def right_by(runs: LookRuns, rule: SelectionName) -> Float[np.ndarray, "k s"]:
    """Right answers in per cent on each look left out, each seed by its own choice."""
    looks, _, seeds = runs.test.shape
    told = np.zeros((looks, seeds))
    for seed in range(seeds):
        chosen = SELECTIONS[rule](Choice(runs.validation[:, :, seed]))
        told[:, seed] = 100 - runs.test[np.arange(looks), chosen, seed]
    return told


def right_with_a_look(runs: LookRuns) -> Float[np.ndarray, "k s"]:
    """What the best choice on the very test images comes to: not a result."""
    seeds = range(runs.test.shape[2])
    return np.stack([100 - with_a_look(runs.test[:, :, seed]) for seed in seeds], 1)


def gains(
    runs: Runs, rule: SelectionName
) -> dict[MethodName, Float[np.ndarray, "k s"]]:
    """Points of each method above the mean loss, by look and seed."""
    base = right_by(runs["erm"], rule)
    return {n: right_by(one, rule) - base for n, one in runs.items() if n != "erm"}


def look_criteria(runs: Runs, rule: SelectionName) -> list[Criterion]:
    """The claim, as it was written down before any run: the mean over looks, by seed."""
    found: dict[MethodName, Interval] = {
        name: student_interval(gain.mean(0)) for name, gain in gains(runs, rule).items()
    }
    return [
        Criterion(
            f"{METHODS[name]}: not more than {MARGIN:g} point above the mean loss where a "
            "look is left out.",
            interval,
            "points",
            below(interval, MARGIN),
        )
        for name, interval in found.items()
    ]
