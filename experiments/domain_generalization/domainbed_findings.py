"""From wrong answers in environments left out to what no method finds there."""

from collections.abc import Mapping

import numpy as np

from experiments.criterion import Criterion
from experiments.domain_generalization.algorithm_findings import METHODS
from experiments.domain_generalization.domainbed_runs import SetRuns
from experiments.domain_generalization.domainbed_table import GUESS
from experiments.domain_generalization.image_settings import SetName
from experiments.domain_generalization.method_names import MethodName
from experiments.domain_generalization.selection import Choice, training_domains
from jaxgen.arrays import Float
from jaxgen.stats.student import student_interval
from jaxgen.stats.verdict import above, below

CLAIM = (
    "Where nobody looks at the environment left out, no method finds the shape whose "
    "colour misleads there, and angles between others are told better than those beyond"
)
Found = Mapping[SetName, Mapping[MethodName, SetRuns]]


def right_of(runs: SetRuns) -> Float[np.ndarray, "k s"]:
    """Right answers in per cent, by the update that training domains chose."""
    return 100 - _at(runs, runs.test)


def chosen_steps(runs: SetRuns) -> Float[np.ndarray, "k s"]:
    """The updates that were chosen."""
    steps = np.broadcast_to(np.array(runs.steps, float)[None, :, None], runs.test.shape)
    return _at(runs, steps)


def _at(runs: SetRuns, values: np.ndarray) -> np.ndarray:
    count, _, seeds = runs.test.shape
    rows = np.arange(count)
    columns = [
        values[rows, training_domains(Choice(runs.validation[:, :, seed])), seed]
        for seed in range(seeds)
    ]
    return np.stack(columns, 1)


def bed_criteria(found: Found) -> list[Criterion]:
    """The claim, as it was written down before any run."""
    criteria = []
    for name, runs in found.get("colored", {}).items():
        misled = student_interval(right_of(runs)[-1])
        criteria.append(
            Criterion(
                f"{METHODS[name]}: right less often than a coin where colours mislead.",
                misled,
                "%",
                below(misled, GUESS["colored"]),
            )
        )
    if "rotated" in found:
        right = right_of(found["rotated"]["erm"])
        apart = student_interval(right[1:-1].mean(0) - right[[0, -1]].mean(0))
        criteria.append(
            Criterion(
                "Angles between others are told better than the first and the last.",
                apart,
                "points",
                above(apart, 0.0),
            )
        )
    return criteria
