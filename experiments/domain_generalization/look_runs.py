"""Every method, weight, rate, look left out and seed, in one compiled program."""

from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.digits import convolution
from experiments.domain_generalization.image_learning import (
    PARTS,
    Images,
    errors,
    image_learner,
    numbers_of,
)
from experiments.domain_generalization.image_settings import Looks
from experiments.domain_generalization.look_data import LOOKS, LookImages
from experiments.domain_generalization.method_names import MethodName
from experiments.domain_generalization.text_runs import FIRST, dispatches
from experiments.training import Run, trained
from jaxgen.arrays import Array, Float, Key, Metrics
from jaxgen.data.passes import each_in_passes
from jaxgen.models.pooled_classifier import PooledClassifier
from jaxgen.training.dispatch import feed_by_step
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard

WEIGHTS: Mapping[MethodName, tuple[float, ...]] = {
    "erm": (0.0,),
    "group_dro": (0.01, 0.1),
    "vrex": (1.0, 10.0),
    "irm": (1.0, 10.0),
    "coral": (0.1, 1.0),
}
"""Of each method, among which a rule chooses, with each of the rates. Written down without
a pilot, around DomainBed's defaults; those of IRM below it, as its runs are longer."""


class LookRuns(NamedTuple):
    """Wrong answers of one method, in per cent.

    Attributes:
      choices: (weight, rate), among which a rule chooses.
      test: on the look left out, (looks, choices, seeds).
      validation: on held images of every look, (looks, choices, seeds, looks).
      died: the step at which a run's parameters ceased to be finite, by run.
    """

    choices: tuple[tuple[float, float], ...]
    test: Float[np.ndarray, "k c s"]
    validation: Float[np.ndarray, "k c s k"]
    died: dict[int, int]


def trained_on_looks(
    settings: Looks, data: LookImages, folder: Path
) -> dict[MethodName, LookRuns]:
    """What every method comes to, whichever look is left out; trains what is missing."""
    arms = arms_of(settings)
    axis = grid(
        seed=range(FIRST, FIRST + settings.seeds),
        left_out=range(len(LOOKS)),
        arm=range(len(arms)),
    )
    dispatch, every = dispatches(settings.steps, evaluations=1)
    run = Run(
        "digits of three looks",
        lambda left_out, arm: learner_of(settings, left_out, arm),
        axis,
        data,
        scores_of(settings),
        settings.steps,
        dispatch,
        evaluate_every=every,
    )
    found = trained(run, folder)
    shape = len(LOOKS), len(arms), settings.seeds
    test = found.last("test").reshape(shape)
    validation = found.last("validation").reshape(*shape, len(LOOKS))
    runs = {}
    for name in settings.methods:
        own = [place for place, arm in enumerate(arms) if arm[0] == name]
        choices = tuple(arms[place][1:] for place in own)
        died = died_of(found.died, shape, own)
        runs[name] = LookRuns(choices, test[:, own], validation[:, own], died)
    return runs


def arms_of(settings: Looks) -> list[tuple[MethodName, float, float]]:
    """Every method with each of its weights and each rate."""
    return [
        (name, weight, rate)
        for name in settings.methods
        for weight, rate in product(WEIGHTS[name], settings.rates)
    ]


def died_of(
    died: Mapping[int, int], shape: tuple[int, int, int], own: list[int]
) -> dict[int, int]:
    """The runs of some arms that died, by their number among all."""
    return {
        row: step
        for row, step in died.items()
        if np.unravel_index(row, shape)[1] in own
    }


def learner_of(settings: Looks, left_out: Array, arm: Array) -> Learner:
    """Adam on what the method of an arm makes of all looks but one."""
    names, weights, rates = zip(*arms_of(settings), strict=True)
    place = arm.astype(jnp.int32)
    method, weight, rate = (
        jnp.asarray(column, jnp.float32)[place]
        for column in (numbers_of(names), weights, rates)
    )
    net = net_of(settings)
    learner = image_learner(net, method, weight, anneal=0, optimizer=optax.adam(rate))
    return feed_by_step(guard(learner), looks_without(left_out, settings.each))


def net_of(settings: Looks) -> PooledClassifier:
    """A small classifier, whose layers each halve the sides."""
    widths = settings.widths
    return PooledClassifier(
        10, widths, (2,) * len(widths), groups=4, convolve=convolution()
    )


def looks_without(
    left_out: Array, size: int
) -> Callable[[LookImages, Key, Array], Images]:
    """Draws rows of images of all looks but one, none twice in a pass."""

    def rows(data: LookImages, key: Key, step: Array) -> Images:
        count, images = data.learned.labels.shape
        examples = each_in_passes(size, images // size * size, count - 1)(step, key)
        others = (left_out.astype(jnp.int32) + 1 + jnp.arange(count - 1)) % count

        def taken(leaf: Array) -> Array:
            return jnp.asarray(leaf)[others[None], examples]

        return jax.tree.map(taken, data.learned)

    return rows


def scores_of(settings: Looks) -> Callable[[State, LookImages], Metrics]:
    """``(state, data) -> scores`` of one run, on the look left out and on held images."""
    net = net_of(settings)

    def scores(state: State, data: LookImages) -> Metrics:
        left_out = state.extra["hyper"]["left_out"].astype(jnp.int32)
        count, images = data.held.labels.shape

        def columns(learned: Array, held: Array) -> Array:
            """Held images of each look, beside four parts of the look left out."""
            own = jnp.asarray(learned)[left_out]
            parts = own.reshape(PARTS - 1, images, *own.shape[1:])
            return jnp.concatenate([jnp.asarray(held), parts]).swapaxes(0, 1)

        rows = jax.tree.map(columns, data.learned, data.held)

        def shown(numbers: Array) -> Images:
            return jax.tree.map(lambda leaf: leaf[numbers], rows)

        told = errors(net, state.params, shown, images)
        return {"test": told[count:].mean(), "validation": told[:count]}

    return scores
