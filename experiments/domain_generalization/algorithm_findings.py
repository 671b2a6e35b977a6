"""From runs of several objectives to differences from the mean loss."""

from collections.abc import Mapping

import numpy as np

from experiments.criterion import Criterion
from experiments.domain_generalization.algorithm_runs import AlgorithmRuns
from experiments.domain_generalization.differences import (
    MARGIN,
    Difference,
    differences,
)
from experiments.domain_generalization.selection import SELECTIONS, Choice
from experiments.domain_generalization.settings import MethodName, SelectionName
from jaxgen.arrays import Float
from jaxgen.stats.verdict import above

CLAIM = (
    "No algorithm for domain generalization tells unseen domains better than the mean "
    "loss over domains does, of the weights that were tried"
)
METHODS: dict[MethodName, str] = {
    "erm": "mean loss (ERM)",
    "group_dro": "GroupDRO",
    "vrex": "V-REx",
    "irm": "IRM",
    "coral": "CORAL",
}


def chosen_bits(runs: AlgorithmRuns, rule: SelectionName) -> Float[np.ndarray, " k"]:
    """Bits of each domain left out, by the weight that a rule chose."""
    chosen = SELECTIONS[rule](Choice(runs.validation))
    return runs.test[np.arange(len(runs.test)), chosen]


def from_mean_loss(
    runs: Mapping[MethodName, AlgorithmRuns], rule: SelectionName
) -> dict[MethodName, Difference]:
    """Bits of the domain left out, of each method less those of the mean loss."""
    return differences({n: chosen_bits(r, rule) for n, r in runs.items()}, "erm")


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
        for name, one in from_mean_loss(runs, rule).items()
    ]
