"""Tables and figures of what methods tell of digits of an unseen look."""

import numpy as np

from experiments.domain_generalization.algorithm_findings import METHODS
from experiments.domain_generalization.algorithm_tables import Chosen, selection_table
from experiments.domain_generalization.look_data import LOOKS
from experiments.domain_generalization.look_findings import (
    MARGIN,
    Runs,
    gains,
    right_by,
    right_with_a_look,
)
from experiments.domain_generalization.method_names import MethodName, SelectionName
from experiments.domain_generalization.selection import SELECTIONS, TITLES
from jaxgen.report.figures import outcomes
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.student import found, student_interval


def rule_table(runs: Runs) -> Fragment:
    """Right answers by every rule of selection, and with a look at the test."""
    chosen: dict[MethodName, Chosen] = {
        name: Chosen(
            list(dict.fromkeys(weight for weight, _ in one.choices)),
            {rule: right_by(one, rule).mean(0) for rule in SELECTIONS},
            float(right_with_a_look(one).mean()),
        )
        for name, one in runs.items()
    }
    return selection_table(
        chosen,
        "z.1f",
        "Right answers in per cent on the look left out, the mean over looks with 95 % "
        "intervals over seeds, by how weight and rate were chosen. The last column chose "
        "them by the very images that it is scored on.",
    )


def gain_table(runs: Runs, rule: SelectionName) -> Fragment:
    """Each method above the mean loss: by look, over seeds, and over looks."""
    base = right_by(runs["erm"], rule)
    rows = [
        (
            METHODS["erm"],
            *(interval_text(student_interval(seeds)) for seeds in base),
            interval_text(student_interval(base.mean(0))),
            "",
            interval_text(student_interval(base.mean(1))),
        )
    ]
    for name, gain in gains(runs, rule).items():
        told = found(gain.mean(0))
        rows.append(
            (
                f"{METHODS[name]}, above it",
                *(interval_text(student_interval(seeds)) for seeds in gain),
                interval_text(told.interval),
                f"{told.detectable:.1f}",
                interval_text(student_interval(gain.mean(1))),
            )
        )
    head = (
        "objective",
        *(f"{look} left out" for look in LOOKS),
        "their mean",
        "would have been found",
        "over looks",
    )
    return table(
        head,
        rows,
        f"Right answers in per cent of the mean loss, and points of the others above it, "
        f"paired by seed, chosen {TITLES[rule]}; 95 % intervals over seeds. The last "
        "column takes the three looks as the sample, each the mean of its seeds: it alone "
        f"speaks of other looks. {MARGIN:g} point counts as nothing.",
    )


def gain_figure(runs: Runs, rule: SelectionName) -> str:
    """Every seed of every look left out as a dot."""
    return outcomes(
        {METHODS[name]: np.ravel(gain) for name, gain in gains(runs, rule).items()},
        xlabel="points of right answers on the look left out, above the mean loss's",
        reference={"equal": 0.0},
    )
