"""All tasks and seeds of one mixer, trained in one program."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from experiments.attention_scaling.answering import Answerer, Questions, answerer
from experiments.attention_scaling.settings import MixerName, QualityOfLength
from experiments.training import Run, Trajectories, trained
from jaxgen.arrays import Array, Int, Key, Metrics, PyTree, Scalar
from jaxgen.objectives.language import cross_entropy
from jaxgen.training.descent import descent
from jaxgen.training.dispatch import feed
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard

AT_ONCE = 256
"""Rows that are judged at a time."""

FIRST = 10
"""Of the seeds; those before were the pilot's."""


class Pools(NamedTuple):
    """Questions of every task, (tasks, examples, ...).

    Attributes:
      train: to be learned from.
      test: to be judged by.
    """

    train: Questions
    test: Questions


def trained_on_all(
    name: MixerName, settings: QualityOfLength, pools: Pools, kinds: int, folder: Path
) -> Trajectories:
    """Scores of each task and seed through training; trains what is missing."""
    net = answerer(name, settings.net, settings.length)
    tasks = range(len(settings.tasks))
    run = Run(
        name,
        lambda task: learner_of(net, settings, task),
        grid(seed=range(FIRST, FIRST + settings.seeds), task=tasks),
        pools,
        lambda state, data: scores(net, state, data.test, kinds),
        settings.steps,
        settings.dispatch,
    )
    return trained(run, folder)


def learner_of(net: Answerer, settings: QualityOfLength, task: Array) -> Learner:
    """Steps down the mean loss of a task's questions."""
    rate = trapezoid(settings.learning_rate, settings.steps)
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=0.01)
    )

    def loss(params: PyTree, batch: Questions, key: Key) -> tuple[Scalar, Metrics]:
        del key
        return mean_loss(net, params, batch), {}

    learner = descent(lambda key, batch: net.init(key, batch), loss, optimizer)
    return feed(guard(learner), rows_of(task, settings.net.batch))


def trapezoid(highest: float, steps: int) -> optax.Schedule:
    """A rate that rises for a tenth of the steps, stays, and falls over the last third.

    It stays, as what is to be found is found all at once, at a step that varies by seed.
    """
    rise, fall = max(1, steps // 10), max(1, steps // 3)
    parts = (
        optax.linear_schedule(0.0, highest, rise),
        optax.constant_schedule(highest),
        optax.linear_schedule(highest, 0.0, fall),
    )
    return optax.join_schedules(parts, [rise, steps - fall])


def rows_of(task: Array, size: int):
    """Draws rows of one task, ``(pools, key) -> batch``; the others are not touched."""

    def draw(pools: Pools, key: Key) -> Questions:
        which = jnp.asarray(task).astype(jnp.int32)
        chosen = jax.random.randint(key, (size,), 0, pools.train.tokens.shape[1])
        return jax.tree.map(lambda leaf: jnp.asarray(leaf)[which, chosen], pools.train)

    return draw


def mean_loss(net: Answerer, params: PyTree, batch: Questions) -> Scalar:
    """Nats for each answer; what is not asked does not count."""
    logits: Any = net.apply(params, batch)
    asked = jnp.asarray(batch.answers) >= 0
    answers = jnp.maximum(batch.answers, 0).astype(jnp.int32)
    losses = jnp.where(asked, cross_entropy(logits, answers), 0.0)
    return losses.sum() / jnp.maximum(asked.sum(), 1)


def scores(net: Answerer, state: State, test: Questions, kinds: int) -> Metrics:
    """The share of right answers, of all and of each kind; NaN where none is asked."""
    which = state.extra["hyper"]["task"].astype(jnp.int32)
    asked = jax.tree.map(lambda leaf: jnp.asarray(leaf)[which], test)
    told = told_answers(net, state.params, asked)
    counts = (asked.answers >= 0).astype(jnp.float32)
    right = (told == asked.answers) * counts
    kind = asked.kinds.astype(jnp.int32).ravel()
    right_of, of = (jnp.zeros(kinds).at[kind].add(x.ravel()) for x in (right, counts))
    return {"right": right.sum() / counts.sum(), "right_by_kind": right_of / of}


def told_answers(net: Answerer, params: PyTree, asked: Questions) -> Int[Array, "n q"]:
    """The most likely answers, so many rows at a time that memory stays small."""

    def of_row(row: Questions) -> Array:
        logits: Any = net.apply(params, jax.tree.map(lambda leaf: leaf[None], row))
        return logits[0].argmax(-1)

    return jax.lax.map(of_row, asked, batch_size=AT_ONCE)
