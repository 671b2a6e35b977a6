"""Every method on one plane: quality against diversity, and what the loss costs."""

from typing import Any

from experiments.mode_collapse.findings import Arms
from experiments.mode_collapse.tables import baseline_table, by_title, score_table
from jaxgen.report.figures import numbered_plane, plane
from jaxgen.report.page import Fragment, figure, section

QUALITY = {
    "high_quality": ("high quality", ".1%"),
    "precision": ("precision", "z.2f"),
    "density": ("density", "z.2f"),
}
DIVERSITY = {
    "effective": ("effective modes", "z.2f"),
    "recall": ("recall", "z.2f"),
    "coverage": ("coverage", "z.2f"),
    "vendi": ("Vendi score", "z.2f"),
}
BOTH = {
    "frechet": ("Fréchet distance", ".2g"),
    "kid": ("KID", ".2g"),
    "different_bins": ("different bins", ".0%"),
    "jensen_shannon": ("JSD, nats", "z.3f"),
    "downstream": ("downstream accuracy", ".1%"),
}
AXES = (
    ("high_quality", "effective", "share of high-quality samples", "effective modes"),
    ("precision", "recall", "precision", "recall"),
    ("density", "coverage", "density", "coverage"),
)
"""Quality and diversity, pair by pair, with their labels."""


def quality_and_diversity_section(arms: Arms) -> Fragment:
    """Planes, tables, and the downstream cost."""
    return section(
        "Quality and diversity",
        figure(
            overview(arms),
            "All methods at the end of training: a dot at the means over seeds, whose "
            "intervals are in the figures below. What loses modes and keeps its quality "
            "is at the bottom right, beside one real sample repeated for ever.",
        ),
        *(one for axes in AXES for one in planes(arms, *axes)),
        score_table(arms, QUALITY, "Quality: do single samples look real?"),
        score_table(arms, DIVERSITY, "Diversity: is all there, and evenly?"),
        score_table(
            arms,
            BOTH,
            "Scores of both at once, and the downstream cost: the accuracy, on real "
            "samples, of a nearest-neighbour classifier that learned the modes from "
            "generated ones.",
        ),
        *baseline_table(arms, {"downstream": ("downstream accuracy", "+.1%")}),
    )


def overview(arms: Arms) -> str:
    """The mean of every method, all on one plane."""
    quality, diversity, *labels = AXES[0]
    x, y = by_title(arms, quality), by_title(arms, diversity)
    return numbered_plane(x, y, **frame(arms, quality, diversity, *labels))


def planes(
    arms: Arms, quality: str, diversity: str, across: str, up: str
) -> list[Fragment]:
    """One score of quality against one of diversity, in as many planes as needed."""
    x, y = by_title(arms, quality), by_title(arms, diversity)
    around = frame(arms, quality, diversity, across, up)
    return [
        figure(
            plane(
                {name: x[name] for name in names},
                {name: y[name] for name in names},
                **around,
            ),
            "Each small mark is a seed at the end of training, each cross the mean of a "
            "method with its intervals. Perfect: fresh real samples. Trivial: one real "
            "sample repeated for ever.",
        )
        for names in in_planes(list(x))
    ]


def frame(
    arms: Arms, quality: str, diversity: str, across: str, up: str
) -> dict[str, Any]:
    """Labels of a plane, and where the two references lie on it."""
    perfect, trivial = (
        (float(one[quality].mean()), float(one[diversity].mean()))
        for one in (arms.perfect, arms.trivial)
    )
    return {
        "xlabel": f"quality: {across}",
        "ylabel": f"diversity: {up}",
        "perfect": perfect,
        "trivial": trivial,
    }


def in_planes(methods: list[str], most: int = 8) -> list[list[str]]:
    """The methods in as few planes as tell them apart, about equally many in each.

    Example:
      >>> in_planes(list("abcde"), most=3)
      [['a', 'b', 'c'], ['d', 'e']]
    """
    planes = -(-len(methods) // most)
    size = -(-len(methods) // planes)
    return [methods[i : i + size] for i in range(0, len(methods), size)]
