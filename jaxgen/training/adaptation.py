"""Learners of adapters: the model that they change is data, and stays as it is."""

from collections.abc import Callable
from typing import Any

import optax

from jaxgen.arrays import Data, Key, Metrics, PyTree, Scalar
from jaxgen.models.adaptation import Adaptation
from jaxgen.training.descent import descent
from jaxgen.training.gradients import Loss, whole_batch
from jaxgen.training.learner import Learner, State


def adapted(
    base: PyTree,
    adaptation: Adaptation,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    value_and_grad: Callable = whole_batch,
) -> Learner:
    """Steps down a loss by an adapter alone.

    Computes ``a <- a - opt(grad_a loss(apply(base, a), batch, key))``: gradients and the
    optimizer's state are of the adapter. A study gives the base by `with_base`, or else
    the program holds it as a constant.

    Args:
      base: parameters that stay as they are.
      adaptation: how the adapter starts, and what it makes of the base.
      loss: ``(params, batch, key) -> (scalar, metrics)``, a mean over examples, such as
        `jaxgen.training.language_modelling.next_token_loss`.
      optimizer: turns gradients into updates. What it decays, it decays towards the base;
        the masks of `adamw` know names of models, and leave factors and lengths alone.
      value_and_grad: how gradients are gathered: ``whole_batch``, ``microbatched(4)``.

    Returns:
      A learner of batches, whose parameters are the adapter, with the metric ``loss`` and
      those of the loss.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxgen.models.parameter_offsets import offset
      >>> square = lambda w, x, key: (((w["w"] - x) ** 2).mean(), {})
      >>> learner = adapted({"w": jnp.ones(())}, offset(), square, optax.sgd(0.5))
      >>> state = learner.init(jax.random.key(0), jnp.zeros(4))
      >>> state, metrics = learner.update(state, jnp.zeros(4))
      >>> float(state.params["w"]), float(metrics["loss"])
      (-1.0, 1.0)
    """

    def start(key: Key, batch: Data) -> PyTree:
        del batch
        return adaptation.init(key, base)

    def of_adapter(adapter: PyTree, batch: Data, key: Key) -> tuple[Scalar, Metrics]:
        return loss(adaptation.apply(base, adapter), batch, key)

    return descent(start, of_adapter, optimizer, value_and_grad)


def with_base(make: Callable[[PyTree], Learner]) -> Learner:
    """A learner of ``(base, data)``, from one of data for each base.

    The base is an argument of the program and no part of the state. All rows of a study
    share it: ``replicate(lambda rate: with_base(lambda base: feed(...)), axis)``. Of many
    bases in a stack a row may take its own.

    Args:
      make: ``base -> learner`` of data; ``feed`` and what else knows of batches go inside,
        for the base is none.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxgen.models.parameter_offsets import offset
      >>> square = lambda w, x, key: (((w["w"] - x) ** 2).mean(), {})
      >>> learner = with_base(lambda base: adapted(base, offset(), square, optax.sgd(0.5)))
      >>> data = {"w": jnp.ones(())}, jnp.zeros(4)
      >>> state, _ = learner.update(learner.init(jax.random.key(0), data), data)
      >>> float(state.params["w"])
      -1.0
    """

    def init(key: Key, data: tuple[PyTree, Data]) -> State:
        base, rest = data
        return make(base).init(key, rest)

    def update(state: State, data: tuple[PyTree, Data]) -> tuple[State, Any]:
        base, rest = data
        return make(base).update(state, rest)

    return Learner(init, update)
