"""Tables and figures of what strategies keep of domains learned in turn."""

from collections.abc import Mapping

import numpy as np

from experiments.domain_generalization.continual_findings import (
    STRATEGIES,
    Learned,
    from_naive,
    measures,
)
from experiments.domain_generalization.continual_settings import StrategyName
from experiments.domain_generalization.differences import MARGIN, difference_cells
from jaxgen.arrays import Int
from jaxgen.report.figures import curves, outcomes
from jaxgen.report.matrix import matrix
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.student import student_interval

Arms = Mapping[StrategyName, Learned]


def strategy_table(arms: Arms) -> Fragment:
    """Every measure of every strategy."""
    joint = arms.get("joint")
    found: dict[StrategyName, dict[str, np.ndarray]] = {
        name: measures(one, joint) for name, one in arms.items()
    }
    head = list(found["naive"])
    rows = [
        (
            STRATEGIES[name],
            weights_text(arms[name]),
            *(interval_text(student_interval(told[one]), "z.2f") for one in head),
        )
        for name, told in found.items()
    ]
    return table(
        ("strategy", "weight", *head),
        rows,
        "Bits per byte, with 95 % intervals over orders; lower is better but for transfer. "
        "Forgetting is since the best of earlier stages, or since a domain's own stage "
        "ended. Forward transfer is how much better a domain is before its stage than "
        "untrained. The stability gap is what the first domain loses within a later stage "
        "and gets back in it. Intransigence is how much worse a domain is, just learned, "
        "than in the model that learns all at once.",
    )


def calibration_table(arms: Arms) -> Fragment:
    """How well the last models tell, and how sure they are, of both kinds of domains."""
    rows = [
        (
            STRATEGIES[name],
            *(
                interval_text(student_interval(values), "z.2f")
                for values in (
                    one.results[:, -1].mean(-1),
                    100 * one.ends.learned_error,
                    one.ends.unseen,
                    100 * one.ends.unseen_error,
                )
                if not np.isnan(values).all()
            ),
        )
        for name, one in arms.items()
    ]
    head = (
        "strategy",
        "learned, bits per byte",
        "learned, calibration error, %",
        "unseen, bits per byte",
        "unseen, calibration error, %",
    )
    return table(
        head[: len(rows[0])],
        rows,
        "The domains of all stages together, and those that none was of, at the end, with "
        "95 % intervals over orders. Calibration error: how far the share of the likeliest "
        "byte is from how often it is right, the mean over 15 bins of as many bytes. A "
        "domain without an adapter of its own is told by the model of the first stage.",
    )


def weights_text(one: Learned) -> str:
    """The weights that were chosen, each once."""
    return " ".join(f"{weight:g}" for weight in np.unique(one.weight) if weight)


def difference_table(arms: Arms) -> Fragment:
    """Each strategy less doing nothing."""
    rows = [
        (STRATEGIES[name], *difference_cells(one))
        for name, one in from_naive(arms).items()
    ]
    return table(
        ("less nothing", "final mean", "p", "would have been found", "equal"),
        rows,
        "Bits per byte of all domains at the end, less those of doing nothing: paired by "
        "order, with 95 % intervals over orders and sign-flip tests whose p-values are "
        "corrected for their number (Holm); of k orders none is below 2 / 2^k. Equal: "
        f"within {MARGIN} bits per byte, by two one-sided tests.",
    )


def difference_figure(arms: Arms) -> str:
    """Every order as a dot."""
    base = arms["naive"].results[:, -1].mean(-1)
    apart = {
        STRATEGIES[name]: one.results[:, -1].mean(-1) - base
        for name, one in arms.items()
        if name != "naive"
    }
    return outcomes(
        apart,
        xlabel="bits per byte of all domains at the end, less those of doing nothing",
        reference={"equal": 0.0},
    )


def results_figure(one: Learned) -> str:
    """What one strategy tells after each stage of the domain of each stage."""
    stages = range(1, one.results.shape[-1] + 1)
    return matrix(
        one.results.mean(0),
        [f"after stage {stage}" for stage in stages],
        [f"of stage {stage}" for stage in stages],
        xlabel="domain",
        ylabel="model",
        format=".2f",
    )


def curve_figure(arms: Arms, steps: Int[np.ndarray, " e"]) -> str:
    """The domain of the first stage through all stages, one panel a strategy."""
    stage = (len(steps) - 1) // arms["naive"].results.shape[-1]
    return curves(
        steps[stage:],
        {STRATEGIES[name]: one.curve[:, stage:] for name, one in arms.items()},
        ylabel="bits per byte, first domain",
        xlabel="update",
    )
