"""From runs in stages to what was forgotten, and to differences from doing nothing."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from experiments.criterion import Criterion
from experiments.domain_generalization.continual_runs import StrategyRuns
from experiments.domain_generalization.continual_scores import Ends
from experiments.domain_generalization.continual_settings import StrategyName
from experiments.domain_generalization.differences import (
    MARGIN,
    Difference,
    differences,
)
from jaxgen.arrays import Float, Int
from jaxgen.data.stages import latin_square
from jaxgen.metrics.forgetting import (
    final_mean,
    final_worst,
    forgetting_since_best,
    forgetting_since_learned,
    forward_transfer,
    intransigence,
    stability_gap,
)
from jaxgen.stats.student import student_interval
from jaxgen.stats.verdict import above, below

CLAIM = (
    "Domains that are learned one after the other are forgotten, and to learn a few old "
    "windows again, within the same number of bytes, keeps them better than to do nothing"
)
STRATEGIES: dict[StrategyName, str] = {
    "naive": "nothing (naive)",
    "joint": "all at once (joint)",
    "replay": "replay",
    "a_gem": "A-GEM",
    "dark_replay": "dark replay (DER++)",
    "ewc": "EWC, sampled",
    "ewc_batched": "EWC, batched",
    "separate_ewc": "EWC, separate penalties",
    "si": "synaptic intelligence",
    "mas": "MAS",
    "l2_sp": "L2-SP",
    "lwf": "LwF",
    "ema": "moving average",
    "average": "running average",
    "lora_per_domain": "LoRA per domain, known at a test",
}


class Learned(NamedTuple):
    """Bits per byte of one strategy, by order, its weight chosen by the other orders.

    Attributes:
      weight: of each order.
      results: after each stage on the domain of each stage, (orders, stages, stages).
      untrained: on the domain of each stage, before the first.
      curve: of the domain of the first stage, at every evaluation.
      ends: of the last model, its calibration and unseen domains.
    """

    weight: Float[np.ndarray, " o"]
    results: Float[np.ndarray, "o k k"]
    untrained: Float[np.ndarray, "o k"]
    curve: Float[np.ndarray, "o e"]
    ends: Ends


def learned_by(runs: StrategyRuns) -> Learned:
    """What each order came to, with the weight that others chose for it."""
    chosen = by_other_orders(runs.validation[:, :, -1].mean(-1))
    each = np.arange(len(chosen))
    bits = in_order(runs.test[each, chosen])
    stages = bits.shape[-1]
    at_ends = bits[:, :: (bits.shape[1] - 1) // stages]
    weights = np.array(runs.weights)[chosen]
    ends = Ends(*(side[each, chosen] for side in runs.ends))
    return Learned(weights, at_ends[:, 1:], at_ends[:, 0], bits[..., 0], ends)


def by_other_orders(bits: Float[np.ndarray, "o w"]) -> Int[np.ndarray, " o"]:
    """For each order the weight that is best on the others, by validation.

    Example:
      >>> by_other_orders(np.array([[9.0, 0.0], [1.0, 2.0], [1.0, 2.0]])).tolist()
      [0, 1, 1]
    """
    return (bits.sum(0, keepdims=True) - bits).argmin(1)


def in_order(bits: Float[np.ndarray, "o e k"]) -> Float[np.ndarray, "o e k"]:
    """Bits whose last axis is of stages, where it was of domains."""
    order = latin_square(bits.shape[-1])
    return np.take_along_axis(bits, order[:, None], axis=-1)


def gaps(one: Learned) -> Float[np.ndarray, " o"]:
    """The mean stability gap of the first domain over the stages after its own."""
    stages = one.results.shape[-1]
    each = (one.curve.shape[1] - 1) // stages
    parts = [
        np.asarray(stability_gap(one.curve[:, stage * each : (stage + 1) * each + 1]))
        for stage in range(1, stages)
    ]
    return np.mean(parts, axis=0)


def measures(one: Learned, joint: Learned | None) -> dict[str, np.ndarray]:
    """Every measure of a strategy, by order."""
    found = {
        "final mean": final_mean(one.results),
        "final worst": final_worst(one.results),
        "forgetting": forgetting_since_best(one.results),
        "since learned": forgetting_since_learned(one.results),
        "forward transfer": forward_transfer(one.results, one.untrained),
        "stability gap": gaps(one),
    }
    if joint:
        found["intransigence"] = intransigence(one.results, joint.results[:, -1])
    return {name: np.asarray(values) for name, values in found.items()}


def from_naive(arms: Mapping[StrategyName, Learned]) -> dict[StrategyName, Difference]:
    """The final mean of each strategy less that of doing nothing, by order."""
    ends: dict[StrategyName, np.ndarray] = {
        name: np.asarray(final_mean(one.results)) for name, one in arms.items()
    }
    return differences(ends, "naive")


def continual_criteria(arms: Mapping[StrategyName, Learned]) -> list[Criterion]:
    """The claim, as it was written down before any run that is reported."""
    lost = student_interval(np.asarray(forgetting_since_best(arms["naive"].results)))
    gain = from_naive(arms)["replay"].told.interval
    return [
        Criterion(
            f"Nothing done: earlier domains end more than {MARGIN} worse than at best.",
            lost,
            "bits per byte",
            above(lost, MARGIN),
        ),
        Criterion(
            f"Replay: the mean of all domains ends more than {MARGIN} below that.",
            gain,
            "bits per byte",
            below(gain, -MARGIN),
        ),
    ]
