"""Tables of means and of differences, each with its interval."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.intervals import PairedDifference, mean_intervals

Columns = Mapping[str, tuple[str, str]]
"""Scores by name, each with its title and its format."""


def mean_table(
    head: Sequence[str],
    lines: Mapping[str, Sequence[np.ndarray]],
    forms: Iterable[str],
    caption: str,
) -> Fragment:
    """Means with their intervals: for each line its name, then a cell a column."""
    rows = [(name, *score_texts(values, forms)) for name, values in lines.items()]
    return table(head, rows, caption)


def score_texts(scores: Sequence[np.ndarray], forms: Iterable[str]) -> list[str]:
    """Means with their intervals, or how many values are not finite.

    Example:
      >>> score_texts([np.array([0.5, np.inf, np.nan]), np.ones(3)], [".1f", ".1f"])
      ['not finite in 2 of 3', '1.0 [1.0, 1.0]']
    """
    values = np.stack(scores)
    # such as the KL of a seed without a single high-quality sample
    unbounded = np.count_nonzero(~np.isfinite(values), axis=1)
    means = mean_intervals(np.where(unbounded[:, None], 0, values))
    return [
        f"not finite in {lost} of {values.shape[1]}"
        if lost
        else interval_text(mean, form)
        for lost, mean, form in zip(unbounded, means, forms, strict=True)
    ]


def difference_table(
    head: tuple[str, ...],
    lines: Mapping[tuple[str, ...], Mapping[str, PairedDifference]],
    columns: Columns,
    between: str,
) -> Fragment:
    """Differences with their intervals and p-values, score by score.

    Args:
      head: names of the columns that name a line.
      lines: for each line, by its names, the difference in each score.
      columns: the scores.
      between: what the differences are between, which opens the caption.
    """
    titles = [cell for title, _ in columns.values() for cell in (title, "p")]
    rows = [
        (
            *names,
            *(
                cell
                for score, (_, form) in columns.items()
                for cell in (
                    interval_text(found[score].interval, form),
                    f"{found[score].p_value:.3f}",
                )
            ),
        )
        for names, found in lines.items()
    ]
    return table(
        (*head, *titles),
        rows,
        f"{between}, paired by seed, with 95 % intervals and sign-flip tests; p-values "
        "are not corrected for their number.",
    )
