"""From answers to findings: what sparse attention keeps, and what it loses."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from experiments.attention_scaling.settings import QualityOfLength
from experiments.attention_scaling.titles import MIXERS
from experiments.criterion import Criterion
from jaxgen.stats.intervals import PairedDifference, mean_interval, paired_difference
from jaxgen.stats.verdict import above, below

PRICE = (
    "Sparse attention reads texts as well as full attention, and loses what lies beyond "
    "its reach"
)
SPARSE = ("window", "longformer", "bigbird", "strided")
"""Mixers whose tokens attend to a number of others that does not grow, or not as fast."""
DECIDING = ("text", "needle")
"""Tasks of the criteria."""
AS_WELL, LOST = 0.05, 0.5
"""Thresholds: points of accuracy that count as equal; half of all answers."""


class Answers(NamedTuple):
    """What was answered right after training.

    Attributes:
      tasks: in their order.
      scores: of each mixer ``right`` (tasks, seeds) and ``by_kind`` (tasks, seeds, kinds),
        shares of the answers.
    """

    tasks: tuple[str, ...]
    scores: Mapping[str, Mapping[str, np.ndarray]]

    def right(self, mixer: str, task: str) -> np.ndarray:
        """Of each seed."""
        return self.scores[mixer]["right"][self.tasks.index(task)]

    def by_kind(self, mixer: str, task: str) -> np.ndarray:
        """Of each seed and kind, (seeds, kinds)."""
        return self.scores[mixer]["by_kind"][self.tasks.index(task)]


def price_criteria(found: Answers, settings: QualityOfLength) -> list[Criterion]:
    """What sparse attention keeps of texts, and what a window loses of needles."""
    kept = [
        text_criterion(found, name)
        for name in SPARSE
        if name in found.scores and "text" in found.tasks
    ]
    far = 1 + settings.net.layers * settings.net.window
    measured = "window" in found.scores and "needle" in found.tasks
    lost = measured and beyond(found, "window", far).size
    return [*kept, needle_criterion(found, far)] if lost else kept


def learned(found: Answers, baselines: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether full attention answers more than every baseline, in what decides."""
    return all(
        mean_interval(found.right("full", task)).low > max(baselines[task].values())
        for task in DECIDING
        if task in found.tasks
    )


def text_criterion(found: Answers, name: str) -> Criterion:
    """That texts are told apart as well as by full attention."""
    lost = difference(found, name, "text").interval
    points = f"{100 * AS_WELL:.0f} points"
    sentence = (
        f"{MIXERS[name]}: domains of texts less than {points} below full attention"
    )
    return Criterion(sentence, lost, "of all answers", below(lost, AS_WELL))


def needle_criterion(found: Answers, far: int) -> Criterion:
    """That a needle further away than layers and windows reach is lost."""
    full, own = (beyond(found, name, far).mean(1) for name in ("full", "window"))
    lost = mean_interval(full - own)
    sentence = f"window: more than half of the needles over {far} tokens away are lost"
    return Criterion(sentence, lost, "of all answers", above(lost, LOST))


def beyond(found: Answers, name: str, far: int) -> np.ndarray:
    """Of each seed and each distance further away that was asked for."""
    told = found.by_kind(name, "needle")[:, far + 1 :]
    return told[:, np.isfinite(told[0])]


def difference(found: Answers, name: str, task: str) -> PairedDifference:
    """By how much full attention is better, seeds paired: they share their data."""
    return paired_difference(found.right("full", task), found.right(name, task))
