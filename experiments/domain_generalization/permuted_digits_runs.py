"""Digits whose pixels change their places from stage to stage, with one strategy."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import jax.numpy as jnp

from experiments.digit_sources import SIDES
from experiments.domain_generalization.digit_runs import (
    DigitRuns,
    learner_of,
    trained_digits,
)
from experiments.domain_generalization.digit_settings import (
    KeeperName,
    PermutedDigits,
)
from experiments.domain_generalization.digit_stages import (
    Digits,
    Stages,
    all_at_once,
    in_turn,
    orders_of_pixels,
    permuted,
)
from jaxgen.arrays import Array
from jaxgen.objectives.parameter_importance import Predict, sampled_fisher
from jaxgen.training.anchoring import ewc, lwf, separate_ewc, si
from jaxgen.training.continual import Strategy, naive
from jaxgen.training.learner import Learner

KEEPERS: dict[KeeperName, Callable[[Predict, Array], Strategy]] = {
    "ewc": lambda predict, weight: ewc(predict, weight, sampled_fisher),
    "separate_ewc": lambda predict, weight: separate_ewc(
        predict, weight, sampled_fisher
    ),
    "si": lambda predict, weight: si(weight),
    "lwf": lambda predict, weight: lwf(predict, weight),
    "joint": lambda predict, weight: naive(),
}


def trained_permuted(
    name: KeeperName,
    weights: Sequence[float],
    settings: PermutedDigits,
    data: Digits,
    folder: Path,
) -> DigitRuns:
    """What every weight and seed comes to; trains what is missing."""
    make = partial(permuted_learner, name, settings)
    stages_of = partial(permuted_of, settings)
    return trained_digits(name, make, stages_of, weights, settings, data, folder)


def permuted_learner(
    name: KeeperName, settings: PermutedDigits, weight: Array, order: Array
) -> Learner:
    """One order of pixels after the other, with a strategy between them."""
    return learner_of(
        settings,
        permuted_of(settings, order),
        lambda predict: KEEPERS[name](predict, weight),
        all_at_once if name == "joint" else in_turn,
    )


def permuted_of(settings: PermutedDigits, order: Array) -> Stages:
    """The stages of the orders of pixels of a number."""
    pixels = SIDES[settings.source] ** 2
    table = orders_of_pixels(settings.seeds, settings.stages, pixels)
    return permuted(jnp.asarray(table)[order.astype(jnp.int32)])
