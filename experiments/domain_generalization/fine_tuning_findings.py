"""From tuned models to what is gained and what is lost, and what that decides."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from experiments.criterion import Criterion
from experiments.domain_generalization.differences import (
    MARGIN,
    Difference,
    differences,
)
from experiments.domain_generalization.tuning_bases import Judged
from experiments.domain_generalization.tuning_methods import TITLES
from jaxgen.arrays import Float, Int
from jaxgen.metrics.forgetting import forgetting
from jaxgen.stats.crossover import crossover
from jaxgen.stats.intervals import Interval
from jaxgen.stats.pareto import area_under_front
from jaxgen.stats.student import student_interval
from jaxgen.stats.verdict import above

CLAIM = (
    "A few windows of an unseen domain make a model tell more of it; and by low-rank "
    "adapters, or halfway back to the model before, that costs less on the domains in "
    "training than by full tuning, on average over what may be lost"
)
BUDGET = 0.2
"""The most bits per byte lost on the domains in training for which fronts are told."""

CONTENDERS = ("lora", "wise")
"""Whose fronts the claim is about; others are told beside."""


class Told(NamedTuple):
    """What the settings of a method came to, from the model before it.

    Attributes:
      gain: bits per byte fewer on the target, (targets, shots, rates, points).
      loss: bits per byte more on all other domains, their mean, likewise.
    """

    gain: Float[np.ndarray, "j s r p"]
    loss: Float[np.ndarray, "j s r p"]


def told_by(bits: Judged, before: Judged) -> Told:
    """Gains and losses at all points but the first.

    Args:
      bits: of one method.
      before: of the models that were tuned.
    """
    own, others = (side[:, None, None, None] for side in before)
    after = bits.others[..., 1:]
    lost = forgetting(np.broadcast_to(others, after.shape), after)
    return Told(own - bits.own[..., 1:], np.asarray(lost))


def areas(told: Told) -> Float[np.ndarray, " j"]:
    """The area under each target's front, means over shots.

    A front is of all rates and points, `BUDGET` its end: bits per byte gained, at the mean
    over what may be lost.
    """
    shape = *told.gain.shape[:2], -1
    gain, loss = told.gain.reshape(shape), told.loss.reshape(shape)
    return area_under_front(loss, gain, BUDGET).mean(1)


def chosen_rates(told: Told) -> Int[np.ndarray, "j s"]:
    """For each target the rate whose last point gains most on the other targets."""
    last = told.gain[..., -1]
    return (last.sum(0, keepdims=True) - last).argmax(-1)


def chosen(told: Told) -> tuple[Float[np.ndarray, "j s"], Float[np.ndarray, "j s"]]:
    """What the last point gains and loses at the rate that was chosen."""
    rates = chosen_rates(told)
    return at_end(told.gain, rates), at_end(told.loss, rates)


def at_end(
    values: Float[np.ndarray, "j s r p"], rates: Int[np.ndarray, "j s"]
) -> Float[np.ndarray, "j s"]:
    """Values at the last point, at the rates that were chosen."""
    return np.take_along_axis(values[..., -1], rates[..., None], -1)[..., 0]


def from_full(told: Mapping[str, Told]) -> dict[str, Difference]:
    """Areas of each method less those of full tuning."""
    return differences({name: areas(one) for name, one in told.items()}, "full")


def crossing(
    told: Mapping[str, Told], before: Float[np.ndarray, " j"], windows: np.ndarray
) -> Interval:
    """From how many windows on full tuning gains more than LoRA.

    Zero is already at the fewest, infinity not by the most. Means over targets cross; the
    ends are of targets drawn again.

    Args:
      told: of both.
      before: bits of each target before.
      windows: numbers of shots.
    """
    low, full = (before[:, None] - chosen(told[name])[0] for name in ("lora", "full"))
    return crossover(windows, low, full)


def tuning_criteria(told: Mapping[str, Told]) -> list[Criterion]:
    """The claim, as it was written down after a pilot with other seeds.

    The first part is of the most shots, its rate chosen on other targets; the others are
    of fronts, as means over what may be lost: a method with one better point passes as far
    as it lifts that mean.
    """
    most = student_interval(chosen(told["full"])[0][:, -1])
    helps = Criterion(
        f"Full tuning, most windows: more than {MARGIN} bits per byte gained on the "
        "target.",
        most,
        "bits per byte",
        above(most, MARGIN),
    )
    apart = from_full(told)
    return [
        helps,
        *(
            Criterion(
                f"{TITLES[name]}: the front is more than {MARGIN} above that of full "
                f"tuning, the mean over losses up to {BUDGET}.",
                apart[name].told.interval,
                "bits per byte",
                above(apart[name].told.interval, MARGIN),
            )
            for name in CONTENDERS
            if name in apart
        ),
    ]
