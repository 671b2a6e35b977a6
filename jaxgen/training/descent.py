"""The learner of one loss."""

from collections.abc import Callable

import optax

from jaxgen.arrays import Data, Key, PyTree
from jaxgen.training.gradients import Loss, whole_batch
from jaxgen.training.learner import Learner, fresh, key_for


def descent(
    init_params: Callable[[Key, Data], PyTree],
    loss: Loss,
    optimizer: optax.GradientTransformation,
    value_and_grad: Callable = whole_batch,
) -> Learner:
    """Steps down the gradient of one loss.

    Computes ``params <- params - opt(grad loss(params, batch, key))``.

    Args:
      init_params: ``(key, batch) -> params``.
      loss: ``(params, batch, key) -> (scalar, metrics)``, a mean over examples.
      optimizer: turns gradients into updates.
      value_and_grad: how gradients are gathered: ``whole_batch``, ``microbatched(4)``.

    Returns:
      A learner of batches with the metric ``loss`` and those of the loss.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> square = lambda w, x, key: (((w - x) ** 2).mean(), {})
      >>> learner = descent(lambda key, x: jnp.zeros(()), square, optax.sgd(0.5))
      >>> state = learner.init(jax.random.key(0), jnp.ones(4))
      >>> state, metrics = learner.update(state, jnp.ones(4))
      >>> float(state.params), float(metrics["loss"])
      (1.0, 1.0)
    """

    def init(key, batch):
        params = init_params(key, batch)
        return fresh(key, params, optimizer.init(params))

    def update(state, batch):
        gradient = value_and_grad(loss)
        (value, metrics), slope = gradient(state.params, batch, key_for(state, "loss"))
        updates, opt = optimizer.update(slope, state.opt, state.params)
        new = state._replace(
            step=state.step + 1,
            params=optax.apply_updates(state.params, updates),
            opt=opt,
        )
        return new, {"loss": value, **metrics}

    return Learner(init, update)
