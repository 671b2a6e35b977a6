"""The symptoms of mode collapse, through training and at its end."""

import numpy as np

from experiments.criterion import criterion_text, overall
from experiments.mode_collapse.findings import (
    Arms,
    criteria,
    fates,
    turnover,
)
from experiments.mode_collapse.methods import METHODS
from experiments.mode_collapse.protocols import Protocol
from experiments.mode_collapse.tables import baseline_table, by_title, score_table
from jaxgen.metrics.modes import kl_floor
from jaxgen.report.clouds import clouds
from jaxgen.report.figures import curves, outcomes
from jaxgen.report.page import (
    Fragment,
    figure,
    interval_text,
    paragraph,
    section,
    table,
    verdict,
)
from jaxgen.stats.intervals import mean_interval, proportion_interval

SYMPTOMS = {
    "covered": ("modes covered", "z.1f"),
    "effective": ("effective modes", "z.2f"),
    "high_quality": ("high quality", ".1%"),
    "near_duplicates": ("near-duplicates", ".1%"),
}
SHAPE = {
    "reverse_kl": ("reverse KL, nats", "z.3f"),
    "spread_ratio": ("width of modes", "z.2f"),
    "birthday": ("birthday support", "z.0f"),
}
DIFFERENCES = {
    "effective": ("effective modes", "+z.2f"),
    "high_quality": ("high-quality share", "+z.3f"),
}
MOMENTS = 6
"""Columns of a figure of samples over time."""


def symptom_sections(name: str, protocol: Protocol, arms: Arms) -> list[Fragment]:
    """Verdict, figures and tables of one protocol."""
    found = criteria(protocol, arms)
    modes = len(protocol.mixture.means)
    baseline = METHODS[next(iter(arms.methods))].title
    floor = kl_floor(modes, protocol.samples)
    return [
        section(
            f"{name.replace('_', ' ')}: {modes} modes",
            verdict(
                overall(found),
                f"The claim about the {baseline} GAN, which holds if these three do.",
            ),
            *(verdict(part.verdict, criterion_text(part)) for part in found),
            paragraph(
                "The criteria stand in the source and were fixed after a pilot on other "
                "seeds. " + protocol.source
            ),
        ),
        section(
            "Symptoms",
            outcome_figure(arms, modes),
            *training_figures(protocol, arms, modes),
            score_table(
                arms,
                SYMPTOMS,
                "Which modes are there, and how often do samples repeat?",
            ),
            score_table(
                arms,
                SHAPE,
                "How evenly, how widely, of how large a support? Reverse KL of a perfect "
                f"sampler is expected at its finite-sample floor, {floor:.4f}; the width "
                "of modes is in standard deviations of the data's.",
            ),
            fate_table(arms, modes),
            *baseline_table(arms, DIFFERENCES),
        ),
    ]


def outcome_figure(arms: Arms, modes: int) -> Fragment:
    """How every seed ended."""
    return figure(
        outcomes(
            by_title(arms, "effective"),
            xlabel="effective modes at the end of training",
            levels=np.linspace(0, modes, 33).tolist(),
            reference={"perfect": float(arms.perfect["effective"].mean())},
        ),
        "Where every seed ended. Outcomes of one method can have several peaks, "
        "which a mean would hide.",
    )


def training_figures(protocol: Protocol, arms: Arms, modes: int) -> list[Fragment]:
    """Scores over training, and samples of one seed of each method."""
    first = next(iter(arms.methods.values()))
    names = {"effective": "effective modes", "high_quality": "high-quality share"}
    limits = {"effective": (0, modes * 1.05), "high_quality": (0, 1.05)}
    drawn = [
        figure(
            curves(
                first.steps,
                {
                    METHODS[m].title: one.scores[score]
                    for m, one in arms.methods.items()
                },
                ylabel=label,
                ylim=limits[score],
                reference={"perfect": float(arms.perfect[score].mean())},
            ),
            f"{label.capitalize()} through training: each seed, their mean, and its "
            "95 % interval.",
        )
        for score, label in names.items()
    ]
    caption = "Samples of the seed that ended nearest to its method's median."
    return [*drawn, figure(typical_samples(protocol, arms), caption)]


def typical_samples(protocol: Protocol, arms: Arms) -> str:
    """Samples through training, of a typical seed of each method."""
    steps = next(iter(arms.methods.values())).steps
    moments = np.unique(np.linspace(0, len(steps) - 1, MOMENTS).round().astype(int))
    samples = {
        METHODS[m].title: one.scores["cloud"][typical_seed(one), moments]
        for m, one in arms.methods.items()
    }
    return clouds(samples, steps[moments], protocol.mixture.means)


def typical_seed(trajectory) -> int:
    """The seed whose effective modes ended nearest to the median."""
    effective = trajectory.last("effective")
    return int(np.argmin(np.abs(effective - np.median(effective))))


def fate_table(arms: Arms, modes: int) -> Fragment:
    """How the seeds of each method fared in the second half of training."""
    rows = []
    for method, one in arms.methods.items():
        counts = fates(one, modes)
        seeds = sum(counts.values())
        share = proportion_interval(counts["collapsed"], seeds)
        moved = mean_interval(turnover(one))
        numbers = (counts["collapsed"], counts["recovered"], counts["kept"])
        rows.append(
            (
                METHODS[method].title,
                *map(str, numbers),
                interval_text(share, ".0%"),
                interval_text(moved, "z.2f"),
                str(len(one.died)),
            )
        )
    return table(
        (
            "method",
            "collapsed",
            "recovered",
            "kept",
            "share collapsed",
            "turnover",
            "died",
        ),
        rows,
        "Seeds that ended below half of the modes; that were below in the second half of "
        "training and came back; that never were. Turnover is the share of mass that "
        "moves between modes from one evaluation to the next. Died: parameters ceased to "
        "be finite, and the seed is scored as it last was. Shares with 95 % Wilson "
        "intervals.",
    )
