"""Tables of scores at the end of training."""

from collections.abc import Mapping

import numpy as np

from experiments.mode_collapse.findings import Arms
from experiments.mode_collapse.methods import METHODS
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.intervals import mean_interval

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
                *(
                    score_text(values[score], form)
                    for score, (_, form) in columns.items()
                ),
            )
            for name, values in lines.items()
        ],
        f"{question} Means over {len(arms.perfect['covered'])} seeds (draws, of the two "
        "references) at the end of training, with 95 % intervals.",
    )


def by_title(arms: Arms, score: str) -> dict[str, np.ndarray]:
    """A score at the end of training by the name that figures use."""
    return {METHODS[m].title: one.last(score) for m, one in arms.methods.items()}


def score_text(values: np.ndarray, form: str) -> str:
    """A mean with its interval, or how many values are not finite.

    Example:
      >>> score_text(np.array([0.5, np.inf, np.nan]), ".1f")
      'not finite in 2 of 3'
    """
    unbounded = np.count_nonzero(~np.isfinite(values))
    if unbounded:  # such as the KL of a seed without a single high-quality sample
        return f"not finite in {unbounded} of {len(values)}"
    return interval_text(mean_interval(values), form)
