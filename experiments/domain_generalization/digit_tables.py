"""Tables and figures of digits learned in stages, and every number as data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.criterion import Criterion, criterion_row, overall
from experiments.domain_generalization.digit_findings import (
    MARGIN,
    Runs,
    final_accuracy,
    gains,
    kept,
    lost_accuracy,
    naive,
)
from jaxgen.arrays import Float
from jaxgen.report.figures import outcomes
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.student import student_interval

NOTHING = "no penalty"

HEAD = (
    "strategy",
    "weight",
    "accuracy",
    "standard error",
    "above no penalty",
    "forgetting",
)


def accuracy_table(
    runs: Runs,
    titles: Mapping[str, str],
    stages: str,
    published: Mapping[str, str] | None = None,
) -> Fragment:
    """Accuracy and forgetting of every strategy.

    Args:
      runs: of all.
      titles: what they are called.
      stages: what stages are called.
      published: accuracies in print, where there are any.
    """
    above = gains(runs)
    rows = [("none", NOTHING, "", naive(runs), "")]
    rows += [
        (name, titles[name], weight_text(one.weights), kept(one), _text(above[name]))
        for name, one in runs.items()
    ]
    return table(
        HEAD + ("published",) * bool(published),
        [
            (
                title,
                weight,
                _text(final_accuracy(accuracy)),
                f"{standard_error(final_accuracy(accuracy)):.2f}",
                gain,
                _text(lost_accuracy(accuracy)),
                *([published[name]] if published else []),
            )
            for name, title, weight, accuracy, gain in rows
        ],
        f"Percent of test images over all {stages} after the last one, with 95 % intervals "
        "over seeds; how much that is above no penalty, seed by seed; points that earlier "
        f"{stages} lost since they were at their best. {MARGIN:.0f} point counts as "
        "nothing.",
    )


def weight_text(weights: Sequence[float]) -> str:
    """The weight of a penalty; of a strategy without one nothing.

    Example:
      >>> weight_text((0.0, 100.0)), weight_text((0.0,))
      ('100', '')
    """
    return f"{weights[-1]:g}" if weights[-1] else ""


def standard_error(values: Float[np.ndarray, " s"]) -> float:
    """Of a mean over seeds."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def accuracy_figure(runs: Runs, titles: Mapping[str, str], stages: str) -> str:
    """Every seed as a dot."""
    dots = {NOTHING: final_accuracy(naive(runs))} | {
        titles[name]: final_accuracy(kept(one)) for name, one in runs.items()
    }
    return outcomes(dots, xlabel=f"accuracy over all {stages} at the end, %")


def digit_results(
    runs: Runs, criteria: Sequence[Criterion], kind: str
) -> dict[str, Any]:
    """Every number, with its keys.

    Args:
      runs: of all.
      criteria: what they decide.
      kind: what names of runs are of.
    """
    return {
        "verdict": overall(criteria),
        "criteria": [criterion_row(one) for one in criteria],
        "died": {
            name: {str(row): step for row, step in one.died.items()}
            for name, one in runs.items()
        },
        "rows": [
            {
                kind: name,
                "weight": weight,
                "seed": seed,
                "accuracy": one.accuracy[place, seed].tolist(),
            }
            for name, one in runs.items()
            for place, weight in enumerate(one.weights)
            for seed in range(one.accuracy.shape[1])
        ],
    }


def _text(values: Float[np.ndarray, " s"]) -> str:
    return interval_text(student_interval(values), "z.2f")
