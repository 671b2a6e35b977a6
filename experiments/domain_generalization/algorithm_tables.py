"""Tables and figures of what objectives over domains tell of unseen ones."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from experiments.domain_generalization.algorithm_findings import (
    METHODS,
    chosen_bits,
    from_mean_loss,
)
from experiments.domain_generalization.algorithm_runs import AlgorithmRuns
from experiments.domain_generalization.differences import MARGIN, difference_cells
from experiments.domain_generalization.selection import (
    SELECTIONS,
    TITLES,
    with_a_look,
)
from experiments.domain_generalization.settings import MethodName, SelectionName
from jaxgen.report.figures import outcomes
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.student import student_interval

FORM = "z.3f"
Runs = Mapping[MethodName, AlgorithmRuns]


class Chosen(NamedTuple):
    """What a method comes to, as its weight is chosen.

    Attributes:
      weights: among which rules choose.
      by_rule: replicates, by rule of selection.
      with_a_look: the mean where the test itself chose.
    """

    weights: Sequence[float]
    by_rule: Mapping[SelectionName, np.ndarray]
    with_a_look: float


def method_table(runs: Runs) -> Fragment:
    """Bits of the domain left out by every rule of selection, and with a look at it."""
    chosen: dict[MethodName, Chosen] = {
        name: Chosen(
            one.weights,
            {rule: chosen_bits(one, rule) for rule in SELECTIONS},
            float(with_a_look(one.test).mean()),
        )
        for name, one in runs.items()
    }
    return selection_table(
        chosen,
        FORM,
        "Bits per byte of the domain left out, with 95 % intervals over domains, by how "
        "the weight was chosen. The last column chose it by the very test windows that "
        "it is scored on: it says what selection hides, and nothing of a method.",
    )


def selection_table(
    methods: Mapping[MethodName, Chosen], form: str, caption: str
) -> Fragment:
    """Every method by every rule of selection; in brackets, what is no result."""
    rows = [
        (
            METHODS[name],
            " ".join(f"{weight:g}" for weight in one.weights),
            *(
                interval_text(student_interval(one.by_rule[rule]), form)
                for rule in SELECTIONS
            ),
            f"({one.with_a_look:{form}})",
        )
        for name, one in methods.items()
    ]
    titles = (TITLES[rule] for rule in SELECTIONS)
    head = "objective", "weights", *titles, "not a result: oracle"
    return table(head, rows, caption)


def difference_table(runs: Runs, rule: SelectionName) -> Fragment:
    """Each method less the mean loss."""
    rows = [
        (METHODS[name], *difference_cells(one))
        for name, one in from_mean_loss(runs, rule).items()
    ]
    return table(
        (
            "less the mean loss",
            "unseen, bits per byte",
            "p",
            "would have been found",
            "equal",
        ),
        rows,
        f"Differences on the domain left out, weights chosen {TITLES[rule]}: paired by it, "
        "with 95 % intervals over domains and sign-flip tests whose p-values are corrected "
        f"for their number (Holm). Equal: within {MARGIN} bits per byte, by two one-sided "
        "tests.",
    )


def difference_figure(runs: Runs, rule: SelectionName) -> str:
    """Every domain that was left out as a dot."""
    base = chosen_bits(runs["erm"], rule)
    return outcomes(
        {
            METHODS[name]: chosen_bits(one, rule) - base
            for name, one in runs.items()
            if name != "erm"
        },
        xlabel="bits per byte of the domain left out, less those of the mean loss",
        reference={"equal": 0.0},
    )
