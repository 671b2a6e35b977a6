"""The page of the claim: its words, its verdict, its figures and tables."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.mode_collapse.findings import (
    Arms,
    Criterion,
    against_baseline,
    criteria,
    fates,
    overall,
    turnover,
)
from experiments.mode_collapse.methods import METHODS
from experiments.mode_collapse.protocols import PROTOCOLS, Protocol
from experiments.mode_collapse.published import PUBLISHED
from jaxgen.metrics.modes import kl_floor
from jaxgen.report.clouds import clouds
from jaxgen.report.figures import curves, outcomes, plane
from jaxgen.report.page import (
    Fragment,
    figure,
    interval_text,
    page,
    paragraph,
    section,
    settings,
    table,
    verdict,
)
from jaxgen.stats.intervals import mean_interval, proportion_interval

CLAIM = (
    "Mode collapse is the failure of a GAN that repeats near-identical outputs and "
    "misses modes of its data. Single samples still look realistic; what is lost is "
    "diversity."
)
HOW = (
    "GANs are trained on mixtures of Gaussians, where modes can be counted. A sample is "
    "of high quality if it lies within three standard deviations of a mode. Effective "
    "modes are K exp(-KL) for the histogram of high-quality samples over the K modes: "
    "all K when they are equally frequent, one when a single mode is left. Every dot and "
    "thin line is one seed, which is the unit of every interval (95 %, bootstrap); the "
    "same seed shares its initial draws across methods, so differences are paired."
)
QUALITY = {
    "high_quality": ("high quality", ".1%"),
    "precision": ("precision", "z.2f"),
    "density": ("density", "z.2f"),
}
DIVERSITY = {
    "covered": ("modes covered", "z.1f"),
    "effective": ("effective modes", "z.2f"),
    "reverse_kl": ("reverse KL, nats", "z.3f"),
    "recall": ("recall", "z.2f"),
    "coverage": ("coverage", "z.2f"),
    "near_duplicates": ("near-duplicates", ".1%"),
}
MOMENTS = 6
"""Columns of a figure of samples over time."""


def report_page(
    command: str, results: Mapping[str, Any], arms: Mapping[str, Arms]
) -> str:
    """The whole document."""
    return page(
        "Mode collapse",
        paragraph(CLAIM),
        *(
            fragment
            for name, one in arms.items()
            for fragment in protocol_sections(name, PROTOCOLS[name], one)
        ),
        section("How it was measured", paragraph(HOW)),
        section("What others reported", published_table()),
        section(
            "What ran",
            paragraph(f"Command: {command}. Every number is in results.json."),
            settings({**results["settings"], **results["versions"]}),
        ),
    )


def protocol_sections(name: str, protocol: Protocol, arms: Arms) -> list[Fragment]:
    """Verdict, figures and tables of one protocol."""
    found = criteria(protocol, arms)
    modes = len(protocol.mixture.means)
    floor = kl_floor(modes, protocol.samples)
    baseline = METHODS[next(iter(arms.methods))].title
    title = f"{name.replace('_', ' ')}: {modes} modes"
    return [
        section(
            title,
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
        section("What is lost and what is kept", *end_figures(arms, modes)),
        section("Through training", *training_figures(protocol, arms, modes)),
        section(
            "The numbers",
            score_table(arms, QUALITY, "Quality: do single samples look real?"),
            score_table(
                arms,
                DIVERSITY,
                "Diversity: is all there, and evenly? Reverse KL of a perfect sampler is "
                f"expected at its finite-sample floor, {floor:.4f}.",
            ),
            fate_table(arms, modes),
            *([difference_table(arms)] if len(arms.methods) > 1 else []),
        ),
    ]


def criterion_text(part: Criterion) -> str:
    """A part of the claim, and what was measured of it."""
    measured = interval_text(part.interval, "z.2f")
    return f"{part.sentence} Measured: {measured} {part.unit}."


def end_figures(arms: Arms, modes: int) -> list[Fragment]:
    """How seeds ended, and quality against diversity."""
    effective, quality = by_title(arms, "effective"), by_title(arms, "high_quality")
    perfect, trivial = (
        (one["high_quality"].mean(), one["effective"].mean())
        for one in (arms.perfect, arms.trivial)
    )
    planes = [
        figure(
            plane(
                {name: quality[name] for name in names},
                {name: effective[name] for name in names},
                xlabel="quality: share of high-quality samples",
                ylabel="diversity: effective modes",
                perfect=perfect,
                trivial=trivial,
            ),
            "Each small mark is a seed at the end of training, each cross the mean of a "
            "method with its intervals. Perfect: fresh real samples. Trivial: one real "
            "sample repeated for ever, which is perfect in quality alone.",
        )
        for names in in_planes(list(effective))
    ]
    return [
        *planes,
        figure(
            outcomes(
                effective,
                xlabel="effective modes at the end of training",
                levels=np.linspace(0, modes, 33).tolist(),
                reference={"perfect": float(arms.perfect["effective"].mean())},
            ),
            "Where every seed ended. Outcomes of one method can have several peaks, "
            "which a mean would hide.",
        ),
    ]


def in_planes(methods: list[str], most: int = 8) -> list[list[str]]:
    """The methods in as few planes as tell them apart, about equally many in each.

    Example:
      >>> in_planes(list("abcde"), most=3)
      [['a', 'b', 'c'], ['d', 'e']]
    """
    planes = -(-len(methods) // most)
    size = -(-len(methods) // planes)
    return [methods[i : i + size] for i in range(0, len(methods), size)]


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


Columns = Mapping[str, tuple[str, str]]
"""Scores by name, each with its title and its format."""


def score_table(arms: Arms, columns: Columns, question: str) -> Fragment:
    """Scores at the end of training, beside those of the two references."""
    ends = {
        METHODS[m].title: {score: one.last(score) for score in columns}
        for m, one in arms.methods.items()
    }
    lines = {**ends, "perfect": arms.perfect, "trivial": arms.trivial}
    return table(
        ("method", *(title for title, _ in columns.values())),
        [
            (
                name,
                *(_cell(values[score], form) for score, (_, form) in columns.items()),
            )
            for name, values in lines.items()
        ],
        f"{question} Means over {len(arms.perfect['covered'])} seeds (draws, of the two "
        "references) at the end of training, with 95 % intervals.",
    )


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


def difference_table(arms: Arms) -> Fragment:
    """Every method against the baseline, paired by seed."""
    baseline = METHODS[next(iter(arms.methods))].title
    diversity = against_baseline(arms, "effective")
    quality = against_baseline(arms, "high_quality")
    rows = [
        (
            METHODS[method].title,
            interval_text(diversity[method].interval, "+z.2f"),
            f"{diversity[method].p_value:.3f}",
            interval_text(quality[method].interval, "+z.3f"),
            f"{quality[method].p_value:.3f}",
        )
        for method in diversity
    ]
    return table(
        ("method", "effective modes", "p", "high-quality share", "p"),
        rows,
        f"Difference from the {baseline} GAN at the end of training, paired by seed, with "
        "95 % intervals and sign-flip tests; p-values are not corrected for their number.",
    )


def published_table() -> Fragment:
    """The published rows, each under its protocol."""
    return table(
        ("method", "data", "modes", "high quality", "reverse KL", "protocol"),
        [
            (
                row.method,
                row.data,
                row.modes,
                row.high_quality,
                row.reverse_kl,
                row.source,
            )
            for row in PUBLISHED
        ],
        "Ring: 8 modes of standard deviation 0.01 on a circle of radius 1. Grid: 25 modes "
        "of 0.05, 2 apart. Nets and budgets are those of each paper, and a perfect "
        "sampler would score 98.9 % high quality.",
    )


def by_title(arms: Arms, score: str) -> dict[str, np.ndarray]:
    """A score at the end of training by the name that figures use."""
    return {METHODS[m].title: one.last(score) for m, one in arms.methods.items()}


def _cell(values: np.ndarray, form: str) -> str:
    unbounded = np.count_nonzero(~np.isfinite(values))
    if unbounded:  # the KL of a seed without a single high-quality sample
        return f"infinite in {unbounded} of {len(values)}"
    return interval_text(mean_interval(values), form)
