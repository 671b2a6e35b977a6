"""Figures of what each mixer answers right."""

from collections.abc import Mapping

import numpy as np

from experiments.attention_scaling.mixer_costs import MixerCost
from experiments.attention_scaling.quality_findings import Answers
from experiments.attention_scaling.questions import ANSWERS
from experiments.attention_scaling.titles import MIXERS
from jaxgen.report.figures import curves, numbered_plane

GROUPS = 12
"""Of distances, each a point of a curve."""


def distance_figure(found: Answers) -> str:
    """Right answers by the distance of the needle, a panel for each mixer."""
    told = {name: found.by_kind(name, "needle") for name in found.scores}
    asked = np.flatnonzero(np.isfinite(told["full"][0]))
    groups = np.array_split(asked, min(GROUPS, len(asked)))
    series = {
        MIXERS[name]: np.stack([each[:, group].mean(1) for group in groups], axis=1)
        for name, each in told.items()
    }
    return curves(
        np.array([group.mean() for group in groups]),
        series,
        ylabel="right answers",
        xlabel="tokens from the needle to the question",
        ylim=(-0.03, 1.03),
        reference={"chance": 1 / ANSWERS},
    )


def cost_and_quality_figure(
    found: Answers,
    costs: Mapping[str, MixerCost],
    baselines: Mapping[str, Mapping[str, float]],
) -> str:
    """Accuracy, the mean over tasks, against time relative to full attention."""
    names = [name for name in found.scores if name in costs]
    right = {MIXERS[name]: found.scores[name]["right"].mean(0) for name in names}
    time = {
        MIXERS[name]: np.full(right[MIXERS[name]].shape, costs[name].share)
        for name in names
    }
    best = np.mean([max(each.values()) for each in baselines.values()])
    return numbered_plane(
        time,
        right,
        xlabel="time of the mixer, of full attention's",
        ylabel="right answers, mean over tasks",
        perfect=(0.0, 1.0),
        trivial=(0.0, float(best)),
    )
