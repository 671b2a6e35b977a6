"""From runs of several architectures to differences, and what they decide."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from experiments.criterion import Criterion
from experiments.domain_generalization.differences import (
    MARGIN,
    Difference,
    differences,
)
from experiments.domain_generalization.settings import ArmName
from experiments.domain_generalization.text_runs import TextRuns
from jaxgen.arrays import Float
from jaxgen.stats.student import student_interval
from jaxgen.stats.verdict import above, below

CLAIM = (
    "Self-attention tells unseen domains better than other architectures of its size do, "
    "and better than what it tells of the domains in training would let one expect"
)


class Told(NamedTuple):
    """Bits per byte of one architecture, by the domain that was left out.

    Attributes:
      unseen: of that domain, (domains, times), means over seeds.
      seen: of all other domains, their mean, likewise.
    """

    unseen: Float[np.ndarray, "k e"]
    seen: Float[np.ndarray, "k e"]


def told_by(runs: TextRuns, domains: int) -> Told:
    """Bits of runs that left out one of so many domains each; untrained ones aside."""
    test = runs.test[:, 1:, :domains]
    seen = np.zeros((len(runs.sets), domains), bool)
    for row, chosen in zip(seen, runs.sets, strict=True):
        row[list(chosen)] = True
    left_out = seen.argmin(1)
    unseen = np.take_along_axis(test, left_out[:, None, None], axis=2)[..., 0]
    among = np.where(seen[:, None], test, 0).sum(2) / seen.sum(1)[:, None]

    def over_seeds(bits: np.ndarray) -> np.ndarray:
        return np.stack([bits[left_out == each].mean(0) for each in range(domains)])

    return Told(over_seeds(unseen), over_seeds(among))


def from_attention(arms: Mapping[ArmName, Told]) -> dict[ArmName, Difference]:
    """The bits of the unseen domain, of each architecture less those of attention."""
    bits: dict[ArmName, np.ndarray] = {n: one.unseen[:, -1] for n, one in arms.items()}
    return differences(bits, "attention")


def robustness(arms: Mapping[ArmName, Told], name: ArmName) -> Float[np.ndarray, " k"]:
    """Effective robustness: bits of the unseen domain above the line of all other arms.

    For each domain left out, a line of least squares foretells the bits of that domain
    from those of the domains in training. It is fitted on the other architectures, at all
    evaluations but that before training, and is not fitted on what it judges. Below zero
    is better than the line.

    References:
      Taori et al., 2020, *Measuring robustness to natural distribution shifts in image
      classification*, section 3; on the line: Miller et al., 2021, *Accuracy on the line*.
    """
    others = [one for other, one in arms.items() if other != name]
    seen, unseen = (
        np.concatenate([getattr(one, side) for one in others], axis=1)
        for side in ("seen", "unseen")
    )
    own = arms[name]
    above_line = [
        own.unseen[i, -1] - np.polyval(np.polyfit(x, y, 1), own.seen[i, -1])
        for i, (x, y) in enumerate(zip(seen, unseen, strict=True))
    ]
    return np.array(above_line)


def architecture_criteria(arms: Mapping[ArmName, Told]) -> list[Criterion]:
    """The claim, as it was written down after a pilot with another seed."""
    own = student_interval(robustness(arms, "attention"))
    line = Criterion(
        f"Attention, unseen domains: more than {MARGIN} below the line of the others.",
        own,
        "bits per byte",
        below(own, -MARGIN),
    )
    if "none" not in arms:
        return [line]
    gap = from_attention(arms)["none"].told.interval
    floor = Criterion(
        f"No mixing, unseen domains: more than {MARGIN} worse than attention.",
        gap,
        "bits per byte",
        above(gap, MARGIN),
    )
    return [floor, line]
