"""What others reported, number by number, with the protocol it was measured under."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from experiments.mode_collapse.counting import COUNTING
from experiments.mode_collapse.findings import Arms
from experiments.mode_collapse.methods import METHODS
from experiments.mode_collapse.tables import ends
from experiments.tables import mean_table, score_texts
from jaxgen.report.page import Fragment, interval_text, paragraph, section, table
from jaxgen.stats.intervals import proportion_interval


class Row(NamedTuple):
    """One line of a published table; empty where the table has none."""

    source: str
    data: str
    method: str
    modes: str
    high_quality: str
    reverse_kl: str


_VEEGAN = "VEEGAN 2017, table 1 (5 runs, no spread given; at least one sample a mode)"
_PACGAN = "PacGAN 2018, table 1 (10 runs, ± standard error; 2,500 samples)"
_ALPHA = "(α_D, α_G)-GANs 2023 (200 runs; 25,000 samples)"

PUBLISHED = (
    Row(_VEEGAN, "ring", "GAN", "1", "99.3 %", ""),
    Row(_VEEGAN, "ring", "Unrolled GAN", "7.6", "35.6 %", ""),
    Row(_VEEGAN, "ring", "VEEGAN", "8", "52.9 %", ""),
    Row(_VEEGAN, "grid", "GAN", "3.3", "0.5 %", ""),
    Row(_VEEGAN, "grid", "Unrolled GAN", "23.6", "16 %", ""),
    Row(_VEEGAN, "grid", "VEEGAN", "24.6", "40 %", ""),
    Row(_PACGAN, "ring", "GAN", "6.3 ± 0.5", "98.2 ± 0.2 %", "0.45 ± 0.09"),
    Row(_PACGAN, "ring", "PacGAN2", "7.9 ± 0.1", "95.6 ± 2.0 %", "0.07 ± 0.03"),
    Row(_PACGAN, "ring", "PacGAN3", "7.8 ± 0.1", "97.7 ± 0.3 %", "0.10 ± 0.02"),
    Row(_PACGAN, "ring", "PacGAN4", "7.8 ± 0.1", "95.9 ± 1.4 %", "0.07 ± 0.02"),
    Row(_PACGAN, "grid", "GAN", "17.3 ± 0.8", "94.8 ± 0.7 %", "0.70 ± 0.07"),
    Row(_PACGAN, "grid", "PacGAN2", "23.8 ± 0.7", "91.3 ± 0.8 %", "0.13 ± 0.04"),
    Row(_PACGAN, "grid", "PacGAN3", "24.6 ± 0.4", "94.2 ± 0.4 %", "0.06 ± 0.02"),
    Row(_PACGAN, "grid", "PacGAN4", "24.8 ± 0.2", "93.6 ± 0.6 %", "0.04 ± 0.01"),
    Row(_ALPHA, "ring", "GAN, non-saturating", "8 of 8 in 22 % of runs", "", ""),
    Row(_ALPHA, "ring", "GAN, saturating", "8 of 8 in 47 %, 0 in 30 %", "", ""),
    Row(_ALPHA, "ring", "least squares", "8 of 8 in 32.5 % of runs", "", ""),
)


COMPARED = (
    "non_saturating",
    "minimax",
    "least_squares",
    "unrolled_5",
    "packed_2",
    "packed_2_wide",
    "packed_3_wide",
    "packed_4",
    "packed_4_wide",
)
"""Methods that a published row speaks of."""

REPORTED = {"covered": "z.1f", "high_quality": ".1%", "reverse_kl": "z.2f"}
"""Scores that papers report, with the format of each."""

COUNTED = {
    "rule_covered": ("z.1f", "Modes covered"),
    "rule_quality": (".1%", "Share of high-quality samples"),
    "rule_kl": (
        "z.2f",
        "Reverse KL in nats, over all samples where SelfCondGAN counts",
    ),
}
"""What each rule tells, with its format and its title."""


def published_section(arms: Arms, modes: int) -> Fragment:
    """Success rates and every paper's counting rule on our samples."""
    return section(
        "As others would have counted",
        success_table(arms, modes),
        *(rule_table(arms, score) for score in COUNTED),
    )


def success_table(arms: Arms, modes: int) -> Fragment:
    """How often all modes were found, and none."""
    rows = []
    for method, one in arms.methods.items():
        covered = one.last("covered")
        shares = [
            proportion_interval(int(np.sum(covered == count)), len(covered))
            for count in (modes, 0)
        ]
        histogram = np.bincount(covered.astype(int), minlength=modes + 1)
        rows.append(
            (
                METHODS[method].title,
                *(interval_text(share, ".0%") for share in shares),
                " ".join(map(str, histogram)),
            )
        )
    return table(
        ("method", "all modes", "no mode", f"seeds by modes covered, 0 to {modes}"),
        rows,
        "Success and failure as the (α_D, α_G)-GAN study counts them in 200 runs, with "
        "95 % Wilson intervals over our seeds.",
    )


def rule_table(arms: Arms, score: str) -> Fragment:
    """One score of the same samples by every counting rule."""
    form, title = COUNTED[score]
    return mean_table(
        ("method", *(rule.title for rule in COUNTING)),
        {name: list(values[score].T) for name, values in ends(arms).items()},
        [form] * len(COUNTING),
        f"{title} by the counting rule of each paper, of the same samples.",
    )


def published_table(ours: Sequence[Row]) -> Fragment:
    """Our rows, then the published ones, each under its protocol."""
    return table(
        ("method", "data", "modes", "high quality", "reverse KL", "protocol"),
        [
            (method, data, modes, quality, divergence, source)
            for source, data, method, modes, quality, divergence in (*ours, *PUBLISHED)
        ],
        "Ring: 8 modes of standard deviation 0.01 on a circle of radius 1. Grid: 25 modes "
        "of 0.05, 2 apart. Nets and budgets are those of each paper, and a perfect "
        "sampler would score 98.9 % high quality.",
    )


def our_rows(protocol: str, arms: Arms) -> list[Row]:
    """The methods that have published rows, as we measured them."""
    return [
        Row(
            f"ours, {protocol}: {one.steps[-1]:,} steps, {len(one.last('covered'))} runs",
            "grid" if "grid" in protocol else "ring",
            METHODS[method].title,
            *score_texts([one.last(score) for score in REPORTED], REPORTED.values()),
        )
        for method, one in arms.methods.items()
        if method in COMPARED
    ]


def reported_section(arms: Mapping[str, Arms]) -> Fragment:
    """What the papers print beside ours, and where they disagree about the same thing."""
    return section(
        "What others reported",
        published_table(
            [row for name, one in arms.items() for row in our_rows(name, one)]
        ),
        paragraph(
            "The same data under the same name gave a plain GAN 1 and 6.3 of the ring's "
            "modes in two papers. Some count with a ring of 7 distinct modes; "
            "a mean over seeds hides that outcomes have two peaks."
        ),
    )
