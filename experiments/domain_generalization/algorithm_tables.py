"""Tables and figures of what objectives over domains tell of unseen ones."""

from collections.abc import Mapping

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


def method_table(runs: Runs) -> Fragment:
    """Bits of the domain left out by every rule of selection, and with a look at it."""
    rows = [
        (
            METHODS[name],
            " ".join(f"{weight:g}" for weight in one.weights),
            *(
                interval_text(student_interval(chosen_bits(one, rule)), FORM)
                for rule in SELECTIONS
            ),
            f"({with_a_look(one.test).mean():.3f})",
        )
        for name, one in runs.items()
    ]
    head = (
        "objective",
        "weights",
        *(TITLES[rule] for rule in SELECTIONS),
        "not a result: oracle",
    )
    return table(
        head,
        rows,
        "Bits per byte of the domain left out, with 95 % intervals over domains, by how "
        "the weight was chosen. The last column chose it by the very test windows that "
        "it is scored on: it says what selection hides, and nothing of a method.",
    )


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
