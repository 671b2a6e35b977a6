"""Tables and figures of what architectures tell of unseen domains."""

from collections.abc import Mapping

import numpy as np

from experiments.domain_generalization.architecture_findings import (
    Told,
    from_attention,
    robustness,
)
from experiments.domain_generalization.differences import MARGIN, difference_cells
from experiments.domain_generalization.recall import Answers
from experiments.domain_generalization.settings import ArmName
from jaxgen.report.figures import outcomes
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.student import equivalent, found, student_interval

ARMS: dict[ArmName, str] = {
    "attention": "self-attention",
    "window": "attention in a window",
    "delta": "gated delta rule",
    "state_space": "diagonal state space",
    "convolution": "gated convolution",
    "none": "no mixing",
}
FORM = "z.3f"


def arm_table(
    arms: Mapping[ArmName, Told], sizes: Mapping[ArmName, tuple[int, float]]
) -> Fragment:
    """What each architecture tells, and what it costs."""
    rows = [
        (
            ARMS[name],
            f"{sizes[name][0]:,}",
            f"{sizes[name][1]:,.0f}",
            interval_text(student_interval(one.unseen[:, -1]), FORM),
            interval_text(student_interval(one.seen[:, -1]), FORM),
        )
        for name, one in arms.items()
    ]
    return table(
        ("architecture", "parameters", "kFLOP a byte", "unseen", "seen"),
        rows,
        "Bits per byte of the domain that was left out, and of those in training, with "
        "95 % intervals over the domains left out. FLOPs are of products, forward.",
    )


def difference_table(arms: Mapping[ArmName, Told]) -> Fragment:
    """Each architecture less attention on the unseen domain."""
    rows = [
        (ARMS[name], *difference_cells(one))
        for name, one in from_attention(arms).items()
    ]
    return table(
        (
            "less self-attention",
            "unseen, bits per byte",
            "p",
            "would have been found",
            "equal",
        ),
        rows,
        "Differences on the domain left out, paired by it and by the seed, with 95 % "
        "intervals over domains and sign-flip tests whose p-values are corrected for "
        f"their number (Holm). Equal: within {MARGIN} bits per byte, by two one-sided "
        "tests.",
    )


def robustness_table(arms: Mapping[ArmName, Told]) -> Fragment:
    """Effective robustness of each architecture."""
    rows = []
    for name in arms:
        over = robustness(arms, name)
        told = found(over)
        rows.append(
            (
                ARMS[name],
                interval_text(told.interval, FORM),
                f"{told.detectable:.3f}",
                equivalent(over, MARGIN),
            )
        )
    return table(
        ("architecture", "above the line", "would have been found", "on the line"),
        rows,
        "Effective robustness: bits per byte of the domain left out, less those that the "
        "line of the other architectures foretells from the domains in training; below "
        f"zero is better. On the line: within {MARGIN}, by two one-sided tests.",
    )


def recall_table(answers: Answers) -> Fragment:
    """What each architecture recalls, beside what needs no memory."""
    rows = [
        (ARMS[name], interval_text(student_interval(100 * right), "z.0f"))
        for name, right in answers.right.items()
    ]
    trivial = {
        "any value of the row": answers.chance_in_row,
        "any value": answers.chance,
    }
    rows += [(name, f"{100 * share:.0f}") for name, share in trivial.items()]
    return table(
        ("architecture", "right answers, %"),
        rows,
        "The control: pairs of a key and a value, then each key once more, whose value is "
        "asked. The same models as of texts, with 95 % intervals over seeds; below, what "
        "is right without a memory. Attention must win here: where it does not, it has "
        "not learned, and what is said of texts says nothing of attention.",
    )


def difference_figure(arms: Mapping[ArmName, Told]) -> str:
    """Every domain that was left out as a dot."""
    apart = {
        ARMS[name]: one.unseen[:, -1] - arms["attention"].unseen[:, -1]
        for name, one in arms.items()
        if name != "attention"
    }
    return outcomes(
        apart,
        xlabel="bits per byte of the domain left out, less self-attention's",
        reference={"equal": 0.0},
    )


def robustness_figure(arms: Mapping[ArmName, Told]) -> str:
    """Effective robustness, every domain that was left out as a dot."""
    over: dict[str, np.ndarray] = {ARMS[name]: robustness(arms, name) for name in arms}
    return outcomes(
        over, xlabel="bits per byte above the line", reference={"on the line": 0.0}
    )
