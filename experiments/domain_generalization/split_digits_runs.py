"""Every weight and seed of one kind of Fisher information, in one compiled program."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.nn.initializers import variance_scaling

from experiments.domain_generalization.continual_settings import (
    FISHER_IMAGES,
    FisherName,
    SplitDigits,
)
from experiments.domain_generalization.split_digits_data import (
    CLASSES,
    STAGES,
    Digits,
    Pairs,
    orders,
    pairs_drawn,
    pairs_of_stage,
)
from experiments.domain_generalization.text_runs import FIRST, dispatches
from experiments.training import Run, trained
from jaxgen.arrays import Array, Data, Float, Int, Key, Metrics, PyTree
from jaxgen.nn.perceptron import Perceptron
from jaxgen.objectives.parameter_importance import (
    Importance,
    Prediction,
    batched_fisher,
    empirical_fisher,
    exact_fisher,
    mean_nats_of,
    sampled_fisher,
)
from jaxgen.training.anchoring import ewc
from jaxgen.training.continual import consolidated, continual
from jaxgen.training.dispatch import feed_by_step
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard

FISHERS: Mapping[FisherName, Importance] = {
    "exact": exact_fisher,
    "sampled": sampled_fisher,
    "empirical": empirical_fisher,
    "batched": batched_fisher(FISHER_IMAGES),
}
UNIFORM = variance_scaling(1 / 3, "fan_in", "uniform")
"""As PyTorch's layers start: uniform up to one over the root of the inputs."""


class SplitRuns(NamedTuple):
    """Accuracies of one kind of Fisher information.

    Attributes:
      weights: of the penalty; zero is learning without one.
      accuracy: after each stage on each pair, (weights, seeds, stages, stages).
      died: the step at which a run's parameters ceased to be finite, by run.
    """

    weights: tuple[float, ...]
    accuracy: Float[np.ndarray, "w s k k"]
    died: dict[int, int]


def trained_split(
    fisher: FisherName,
    weights: Sequence[float],
    settings: SplitDigits,
    data: Digits,
    folder: Path,
) -> SplitRuns:
    """What every weight and seed comes to; trains what is missing."""
    seeds = range(FIRST, FIRST + settings.seeds)
    axis = with_orders(grid(seed=seeds, weight=weights))
    dispatch, every = dispatches(settings.iterations, evaluations=1)
    found = trained(
        Run(
            fisher,
            lambda weight, order: learner_of(FISHERS[fisher], settings, weight, order),
            axis,
            data,
            accuracies_of(settings),
            STAGES * settings.iterations,
            dispatch,
            evaluate_every=every,
        ),
        folder,
    )
    shape = len(weights), len(seeds), STAGES, STAGES
    accuracy = found.scores["accuracy"][:, 1:].reshape(shape)
    return SplitRuns(tuple(weights), accuracy, dict(found.died))


def with_orders(axis: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The rows, each with the number of its order of digits: one for each seed."""
    return {**axis, "order": (axis["seed"] - FIRST).astype(np.float32)}


def order_of(settings: SplitDigits, order: Array) -> Int[Array, " c"]:
    """The order of digits of a number."""
    return jnp.asarray(orders(settings.seeds))[order.astype(jnp.int32)]


def learner_of(
    fisher: Importance, settings: SplitDigits, weight: Array, order: Array
) -> Learner:
    """Adam on one pair after the other, with EWC between them."""
    digits = order_of(settings, order)
    strategy = ewc(prediction_of(settings), weight, fisher)

    def start(key: Key, batch: Pairs) -> PyTree:
        return net_of(settings).init(key, batch.images)["params"]

    loss, adam = mean_nats_of(prediction_of(settings)), optax.adam(settings.rate)
    learner = guard(continual(start, loss, strategy, adam))
    draw = pairs_drawn(settings.batch, settings.iterations, digits)
    return consolidated(
        feed_by_step(learner, draw),
        strategy,
        settings.iterations,
        pairs_of_stage(settings.fisher_examples, digits),
    )


def net_of(settings: SplitDigits) -> Perceptron:
    """Two hidden layers, and two logits for each pair."""
    return Perceptron(CLASSES, settings.width, kernel_init=UNIFORM)


def prediction_of(settings: SplitDigits):
    """The two logits of the pair that an image is of, and which of them is right."""
    net = net_of(settings)

    def predict(params: PyTree, batch: Pairs) -> Prediction:
        logits: Any = net.apply({"params": params}, batch.images)
        heads = logits.reshape(-1, STAGES, 2)
        stage = batch.stage[:, None, None]
        return Prediction(jnp.take_along_axis(heads, stage, axis=1)[:, 0], batch.label)

    return predict


def accuracies_of(settings: SplitDigits):
    """``(state, data) -> accuracy`` of one run on the pair of each stage."""
    predict = prediction_of(settings)

    def scores(state: State, data: Data) -> Metrics:
        images, counts = map(jnp.asarray, data.test)
        order = order_of(settings, state.extra["hyper"]["order"])

        def right(place: Array) -> Array:
            digit, size = order[place], images.shape[1]
            stage, label = (jnp.full(size, x) for x in (place // 2, place % 2))
            told = predict(state.params, Pairs(images[digit], label, stage))
            hit = told.logits.argmax(-1) == label
            return (hit & (jnp.arange(size) < counts[digit])).sum()

        hits = jax.lax.map(right, jnp.arange(CLASSES)).reshape(STAGES, 2)
        return {"accuracy": hits.sum(1) / counts[order].reshape(STAGES, 2).sum(1)}

    return scores
