"""Tables of what each mixer answers right."""

from collections.abc import Mapping

import numpy as np

from experiments.attention_scaling.mixer_costs import MixerCost
from experiments.attention_scaling.quality_findings import Answers, difference
from experiments.attention_scaling.questions import PAIRS
from experiments.attention_scaling.titles import MIXERS, TASKS
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.intervals import Interval, mean_interval

Baselines = Mapping[str, Mapping[str, float]]
"""Accuracies of what does less than read the rows of each task, by name."""


def percent(interval: Interval) -> str:
    """An interval of shares, in percent.

    Example:
      >>> percent(Interval(0.5, 0.625, 0.75))
      '62.5 [50.0, 75.0]'
    """
    return interval_text(Interval(*(100 * end for end in interval)), "z.1f")


def accuracy_table(
    found: Answers, baselines: Baselines, parameters: Mapping[str, int]
) -> Fragment:
    """Right answers of every mixer in every task, beside what needs no reading."""
    rows = [
        (
            MIXERS[name],
            f"{parameters[name]:,}",
            *(percent(mean_interval(found.right(name, task))) for task in found.tasks),
        )
        for name in found.scores
    ]
    tasks = [list(baselines[task].values()) for task in found.tasks]
    trivial = ("trivial", "", *(f"{100 * each[0]:.1f}" for each in tasks))
    best = ("best baseline", "", *(f"{100 * max(each):.1f}" for each in tasks))
    perfect = ("perfect", "", *("100.0" for _ in tasks))
    seeds = len(next(iter(found.scores.values()))["right"][0])
    return table(
        ("mixer", "parameters", *(f"{TASKS[task]}, %" for task in found.tasks)),
        [*rows, best, trivial, perfect],
        "Right answers to questions that were not trained on: means and 95 % intervals "
        f"over {seeds} seeds. All encoders have as many parameters, to within a unit of a "
        "perceptron, the same head, positions and budget; the first block of each is a "
        "convolution of three tokens.",
    )


def baseline_table(baselines: Baselines) -> Fragment:
    """All that is told of each task without reading its rows, or with little of them."""
    rows = [
        (TASKS[task], name, f"{100 * share:.1f}")
        for task, each in baselines.items()
        for name, share in each.items()
    ]
    caption = "Right answers on the same rows of what does less than read them whole."
    return table(("task", "baseline", "right, %"), rows, caption)


def difference_table(found: Answers) -> Fragment:
    """How much worse than full attention each mixer is."""
    rows = [
        (
            MIXERS[name],
            *(percent(difference(found, name, task).interval) for task in found.tasks),
        )
        for name in found.scores
        if name != "full"
    ]
    return table(
        ("lost against full attention", *(f"{TASKS[task]}, %" for task in found.tasks)),
        rows,
        "Right answers of full attention less those of each mixer: means of differences "
        "paired by seed, which share their data and its order, with 95 % intervals.",
    )


def recall_table(found: Answers) -> Fragment:
    """Recall by the number of pairs that a row holds."""
    rows = [
        (
            MIXERS[name],
            *(
                percent(mean_interval(found.by_kind(name, "recall")[:, pairs]))
                for pairs in PAIRS
            ),
        )
        for name in found.scores
    ]
    blind = ("any value of the row", *(f"{100 / pairs:.1f}" for pairs in PAIRS))
    return table(
        ("recall", *(f"{pairs} pairs, %" for pairs in PAIRS)),
        [*rows, blind, ("perfect", *("100.0" for _ in PAIRS))],
        "Right answers by pairs in the row, 95 % intervals over seeds.",
    )


def side_by_side_table(found: Answers, costs: Mapping[str, MixerCost]) -> Fragment:
    """What each mixer costs, and what it answers."""
    rows = [
        (
            MIXERS[name],
            interval_text(costs[name].time, "z.2f"),
            f"{costs[name].memory:.2f}",
            interval_text(costs[name].faster, "z.1f"),
            *(f"{100 * np.mean(found.right(name, task)):.1f}" for task in found.tasks),
        )
        for name in found.scores
        if name in costs
    ]
    return table(
        (
            "mixer",
            "exponent of time",
            "of memory",
            "faster, times",
            *(f"{TASKS[task]}, %" for task in found.tasks),
        ),
        rows,
        "Cost as measured in this run at its own sizes, with gradient; answers as above. "
        "Faster than what loses nothing means little where the right of it shows a loss.",
    )
