"""Pairs of digits in turn with one kind of Fisher information."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import jax.numpy as jnp

from experiments.domain_generalization.digit_runs import (
    DigitRuns,
    learner_of,
    trained_digits,
)
from experiments.domain_generalization.digit_settings import (
    FISHER_IMAGES,
    FisherName,
    SplitDigits,
)
from experiments.domain_generalization.digit_stages import (
    Digits,
    Stages,
    in_turn,
    orders,
    pairs,
)
from jaxgen.arrays import Array
from jaxgen.objectives.parameter_importance import (
    Importance,
    batched_fisher,
    empirical_fisher,
    exact_fisher,
    sampled_fisher,
)
from jaxgen.training.anchoring import ewc
from jaxgen.training.learner import Learner

FISHERS: Mapping[FisherName, Importance] = {
    "exact": exact_fisher,
    "sampled": sampled_fisher,
    "empirical": empirical_fisher,
    "batched": batched_fisher(FISHER_IMAGES),
}


def trained_split(
    fisher: FisherName,
    weights: Sequence[float],
    settings: SplitDigits,
    data: Digits,
    folder: Path,
) -> DigitRuns:
    """What every weight and seed comes to; trains what is missing."""
    make = partial(split_learner, FISHERS[fisher], settings)
    stages_of = partial(pairs_of, settings)
    return trained_digits(fisher, make, stages_of, weights, settings, data, folder)


def split_learner(
    fisher: Importance, settings: SplitDigits, weight: Array, order: Array
) -> Learner:
    """One pair after the other, with online EWC between them."""
    return learner_of(
        settings,
        pairs_of(settings, order),
        lambda predict: ewc(predict, weight, fisher),
        in_turn,
    )


def pairs_of(settings: SplitDigits, order: Array) -> Stages:
    """The pairs of the order of a number."""
    return pairs(jnp.asarray(orders(settings.seeds))[order.astype(jnp.int32)])
