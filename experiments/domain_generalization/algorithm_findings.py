"""From runs of several objectives to differences from the mean loss."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from experiments.criterion import Criterion
from experiments.domain_generalization.algorithm_runs import AlgorithmRuns
from experiments.domain_generalization.selection import SELECTIONS, Choice
from experiments.domain_generalization.settings import MethodName, SelectionName
from jaxgen.arrays import Float
from jaxgen.stats.holm import holm
from jaxgen.stats.intervals import paired_difference
from jaxgen.stats.student import Found, equivalent, found
from jaxgen.stats.verdict import Verdict, above

CLAIM = (
    "No algorithm for domain generalization tells unseen domains better than the mean "
    "loss over domains does, of the weights that were tried"
)
MARGIN = 0.02
"""Threshold: bits per byte that count as nothing."""

METHODS: dict[MethodName, str] = {
    "erm": "mean loss (ERM)",
    "group_dro": "GroupDRO",
    "vrex": "V-REx",
    "irm": "IRM",
    "coral": "CORAL",
}


class Difference(NamedTuple):
    """A method less the mean loss, over the domains left out.

    Attributes:
      told: the mean, and what would have been found.
      p_value: of a sign-flip test, corrected for the number of methods.
      equal: whether they are equal but for `MARGIN`.
    """

    told: Found
    p_value: float
    equal: Verdict


def chosen_bits(runs: AlgorithmRuns, rule: SelectionName) -> Float[np.ndarray, " k"]:
    """Bits of each domain left out, by the weight that a rule chose."""
    chosen = SELECTIONS[rule](Choice(runs.validation))
    return runs.test[np.arange(len(runs.test)), chosen]


def differences(
    runs: Mapping[MethodName, AlgorithmRuns], rule: SelectionName
) -> dict[MethodName, Difference]:
    """Bits of the domain left out, of each method less those of the mean loss."""
    base = chosen_bits(runs["erm"], rule)
    apart: dict[MethodName, np.ndarray] = {
        name: chosen_bits(one, rule) - base
        for name, one in runs.items()
        if name != "erm"
    }
    raw = [paired_difference(d, np.zeros_like(d)).p_value for d in apart.values()]
    return {
        name: Difference(found(d), float(p), equivalent(d, MARGIN))
        for (name, d), p in zip(apart.items(), holm(np.array(raw)), strict=True)
    }


def algorithm_criteria(
    runs: Mapping[MethodName, AlgorithmRuns], rule: SelectionName
) -> list[Criterion]:
    """The claim, as it was written down before any run."""
    return [
        Criterion(
            f"{METHODS[name]}: not more than {MARGIN} below the mean loss on unseen "
            "domains.",
            one.told.interval,
            "bits per byte",
            above(one.told.interval, -MARGIN),
        )
        for name, one in differences(runs, rule).items()
    ]
