"""Tables of scores at the end of training."""

from collections.abc import Mapping

import numpy as np

from experiments.mode_collapse.findings import Arms, against_baseline
from experiments.mode_collapse.methods import METHODS
from experiments.tables import Columns, difference_table, mean_table
from jaxgen.report.page import Fragment


def score_table(arms: Arms, columns: Columns, question: str) -> Fragment:
    """Scores at the end of training, beside those of the two references."""
    titles, forms = zip(*columns.values(), strict=True)
    return mean_table(
        ("method", *titles),
        {name: [one[score] for score in columns] for name, one in ends(arms).items()},
        forms,
        f"{question} Means over {len(arms.perfect['covered'])} seeds (draws, of the two "
        "references) at the end of training, with 95 % intervals.",
    )


def baseline_table(arms: Arms, columns: Columns) -> list[Fragment]:
    """Every method less the baseline; none where that is alone."""
    baseline, *others = arms.methods
    lines = {
        (METHODS[m].title,): {
            score: against_baseline(arms, m, score) for score in columns
        }
        for m in others
    }
    between = (
        f"Difference from the {METHODS[baseline].title} GAN at the end of training"
    )
    return [difference_table(("method",), lines, columns, between)] if others else []


def ends(arms: Arms) -> dict[str, Mapping[str, np.ndarray]]:
    """Scores at the end of training by title, then those of the two references."""
    trained = {
        METHODS[m].title: {score: one.last(score) for score in one.scores}
        for m, one in arms.methods.items()
    }
    return {**trained, "perfect": arms.perfect, "trivial": arms.trivial}


def by_title(arms: Arms, score: str) -> dict[str, np.ndarray]:
    """A score at the end of training by the name that figures use."""
    return {METHODS[m].title: one.last(score) for m, one in arms.methods.items()}
