"""The control of the part about architecture: a task that attention must win."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.domain_generalization.settings import ArmName, DomainGeneralization
from experiments.domain_generalization.settings import Recall as Settings
from experiments.domain_generalization.text_models import language_model
from experiments.domain_generalization.text_runs import dispatches, optimizer_of
from experiments.training import Run, trained
from jaxgen.arrays import Array, Float, Key, Metrics, PyTree, Scalar
from jaxgen.data.associative_recall import AssociativeRecall, Recall, associations
from jaxgen.data.batches import minibatch
from jaxgen.models.language_model import LanguageModel
from jaxgen.objectives.language import masked_cross_entropy
from jaxgen.training.descent import descent
from jaxgen.training.dispatch import feed
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard

FIRST = 30
"""Of the seeds; those before were the pilot's."""


class Answers(NamedTuple):
    """Right answers of every architecture.

    Attributes:
      right: the share of each seed.
      chance_in_row: what a guess among the values of the row comes to.
      chance: what a guess among all values comes to.
    """

    right: Mapping[ArmName, Float[np.ndarray, " seeds"]]
    chance_in_row: float
    chance: float


class Pools(NamedTuple):
    """Rows to learn from, and rows to be judged by."""

    train: Recall
    test: Recall


def answers_of(experiment: DomainGeneralization, folder: Path) -> Answers:
    """What every architecture answers; trains what is missing."""
    settings = experiment.architecture.recall
    task = task_of(settings)
    pools = pools_of(task, settings)
    right: dict[ArmName, np.ndarray] = {
        name: trained(run_of(name, experiment, pools), folder / name).last("right")
        for name in settings.arms or experiment.architecture.arms
    }
    return Answers(right, task.chance_in_row, task.chance)


def task_of(settings: Settings) -> AssociativeRecall:
    """Questions anywhere behind the pairs."""
    return AssociativeRecall(settings.pairs, settings.length, settings.vocabulary, 1.0)


def pools_of(task: AssociativeRecall, settings: Settings) -> Pools:
    """Rows, as many to learn from as are drawn."""
    count = settings.batch * settings.steps
    draw = jax.jit(lambda key: associations(task, key, count + settings.tested))
    rows = draw(jax.random.key(0))
    return Pools(Recall(*(x[:count] for x in rows)), Recall(*(x[count:] for x in rows)))


def run_of(name: ArmName, experiment: DomainGeneralization, pools: Pools) -> Run:
    """All seeds of one architecture, whose model is that of its texts."""
    settings, net = experiment.architecture.recall, experiment.net
    model = scanned(language_model(name, net, experiment.architecture.window))
    dispatch, every = dispatches(settings.steps, evaluations=1)

    def make() -> Learner:
        optimizer = optimizer_of(settings.rate, settings.steps)
        learner = descent(start_of(model), loss_of(model), optimizer)
        draw = minibatch(settings.batch)
        return feed(guard(learner), lambda data, key: draw(data.train, key))

    return Run(
        f"recall, {name}",
        make,
        grid(seed=range(FIRST, FIRST + settings.seeds)),
        pools,
        lambda state, data: {"right": share_right(model, state, data.test)},
        settings.steps,
        dispatch,
        evaluate_every=every,
    )


def scanned(model: LanguageModel) -> LanguageModel:
    """The model, its layers compiled as one: numbers are the same, and sooner there."""
    return model.clone(encoder=model.encoder.clone(scan=True))


def start_of(model: LanguageModel):
    """First parameters: ``(key, rows) -> params``."""

    def start(key: Key, rows: Recall) -> PyTree:
        return model.init(key, rows.tokens)["params"]

    return start


def loss_of(model: LanguageModel):
    """The mean nats of what is asked: ``(params, rows, key) -> (loss, {})``."""

    def loss(params: PyTree, rows: Recall, key: Key) -> tuple[Scalar, Metrics]:
        del key
        logits: Any = model.apply({"params": params}, rows.tokens)
        return masked_cross_entropy(logits, rows.labels, rows.asked), {}

    return loss


def share_right(model: LanguageModel, state: State, rows: Recall) -> Float[Array, ""]:
    """Of all that is asked, what the likeliest token answers rightly."""
    logits: Any = model.apply({"params": state.params}, jnp.asarray(rows.tokens))
    right = (logits.argmax(-1) == jnp.asarray(rows.labels)) & jnp.asarray(rows.asked)
    return right.sum() / jnp.asarray(rows.asked).sum()
