"""Every weight and seed of one strategy on digits in stages, in one compiled program."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.domain_generalization.digit_settings import DigitTraining
from experiments.domain_generalization.digit_stages import (
    CLASSES,
    Digits,
    Draw,
    Shown,
    Stages,
    of_stage,
)
from experiments.domain_generalization.text_runs import FIRST, dispatches
from experiments.training import Run, trained
from jaxgen.arrays import Array, Data, Float, Key, Metrics, PyTree
from jaxgen.models.pooled_classifier import UNIFORM
from jaxgen.nn.perceptron import Perceptron
from jaxgen.objectives.parameter_importance import (
    Predict,
    Prediction,
    mean_nats_of,
)
from jaxgen.training.continual import Strategy, consolidated, continual
from jaxgen.training.dispatch import feed_by_step
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard


class DigitRuns(NamedTuple):
    """Accuracies of one strategy.

    Attributes:
      weights: of the penalty; zero is learning without one.
      accuracy: after each stage on each stage, (weights, seeds, stages, stages).
      died: the step at which a run's parameters ceased to be finite, by run.
    """

    weights: tuple[float, ...]
    accuracy: Float[np.ndarray, "w s k k"]
    died: dict[int, int]


def trained_digits(
    title: str,
    make: Callable[..., Learner],
    stages_of: Callable[[Array], Stages],
    weights: Sequence[float],
    settings: DigitTraining,
    data: Digits,
    folder: Path,
) -> DigitRuns:
    """What every weight and seed comes to; trains what is missing.

    Args:
      title: of the run.
      make: ``(weight, order) -> learner``.
      stages_of: the protocol of the order of a number; each seed has its own.
      weights: that are tried.
      settings: of the net and its updates.
      data: digits.
      folder: of the run.
    """
    seeds = range(FIRST, FIRST + settings.seeds)
    dispatch, every = dispatches(settings.iterations, evaluations=1)
    count = stages_of(jnp.zeros(())).count
    found = trained(
        Run(
            title,
            make,
            with_orders(grid(seed=seeds, weight=weights)),
            data,
            accuracies_of(settings, stages_of),
            count * settings.iterations,
            dispatch,
            evaluate_every=every,
        ),
        folder,
    )
    shape = len(weights), len(seeds), count, count
    accuracy = found.scores["accuracy"][:, 1:].reshape(shape)
    return DigitRuns(tuple(weights), accuracy, dict(found.died))


def with_orders(axis: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The rows, each with the number of its order: one for each seed."""
    return {**axis, "order": (axis["seed"] - FIRST).astype(np.float32)}


def learner_of(
    settings: DigitTraining,
    stages: Stages,
    strategy_of: Callable[[Predict], Strategy],
    draws: Callable[[Stages, int, int], Draw],
) -> Learner:
    """Adam on digits in stages, with a strategy between them."""
    predict = prediction_of(settings, stages)
    strategy = strategy_of(predict)

    def start(key: Key, batch: Shown) -> PyTree:
        return net_of(settings).init(key, batch.images)["params"]

    adam = optax.adam(settings.rate)
    learner = guard(continual(start, mean_nats_of(predict), strategy, adam))
    return consolidated(
        feed_by_step(learner, draws(stages, settings.batch, settings.iterations)),
        strategy,
        settings.iterations,
        of_stage(stages, settings.fisher_examples),
    )


def net_of(settings: DigitTraining) -> Perceptron:
    """Two hidden layers, and ten logits."""
    return Perceptron(CLASSES, settings.width, kernel_init=UNIFORM)


def prediction_of(settings: DigitTraining, stages: Stages) -> Predict:
    """The logits that tell an image in its stage, and which of them is right."""
    net = net_of(settings)

    def predict(params: PyTree, batch: Shown) -> Prediction:
        logits: Any = net.apply({"params": params}, batch.images)
        return Prediction(stages.told(logits, batch.stage), batch.label)

    return predict


def accuracies_of(settings: DigitTraining, stages_of: Callable[[Array], Stages]):
    """``(state, data) -> accuracy`` of one run on each stage."""

    def scores(state: State, data: Data) -> Metrics:
        images, counts = map(jnp.asarray, data.test)
        stages = stages_of(state.extra["hyper"]["order"])
        predict = prediction_of(settings, stages)
        digits = stages.digits(jnp.arange(stages.count))

        def right(place: Array) -> Array:
            which, size = divmod(place, digits.shape[1]), images.shape[1]
            stage, label = (jnp.full(size, x) for x in which)
            digit = digits[which]
            shown = Shown(stages.shown(images[digit], stage), label, stage)
            hit = predict(state.params, shown).logits.argmax(-1) == label
            return (hit & (jnp.arange(size) < counts[digit])).sum()

        hits = jax.lax.map(right, jnp.arange(digits.size)).reshape(digits.shape)
        return {"accuracy": hits.sum(1) / counts[digits].sum(1)}

    return scores
