"""Transformations of ``value_and_grad``: how the gradient of a batch is gathered."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.keys import named
from jaxgen.sharding.mesh import spread

Loss = Callable[..., tuple[Any, Any]]
"""``(params, batch, key) -> (scalar, aux)``, a mean over the batch's examples."""


def whole_batch(loss: Loss) -> Callable:
    """Value and gradient of a loss over the whole batch at once."""
    return jax.value_and_grad(loss, has_aux=True)


def microbatched(parts: int) -> Callable[[Loss], Callable]:
    """Value and gradient gathered over equal parts of the batch, one at a time.

    Computes ``1/parts sum_i grad loss(params, batch_i, key_i)``, which is the gradient
    over the whole batch where the loss is a mean over examples, at about ``1/parts``
    of its memory. A loss of batch statistics is another loss on a part: learners that
    have one refuse this.

    Args:
      parts: into how many the batch is split; it must divide the examples.

    Raises:
      ValueError: ``parts`` is not positive or does not divide the batch.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = lambda w, x, key: ((w * x).mean(), ())
      >>> grad = microbatched(2)(loss)
      >>> (value, _), slope = grad(2.0, jnp.arange(4.0), jax.random.key(0))
      >>> float(value), float(slope)
      (3.0, 1.5)
    """
    if parts < 1:
        raise ValueError(f"microbatched(parts={parts}): expected 1 or more")

    def transform(loss: Loss) -> Callable:
        gradient = jax.value_and_grad(loss, has_aux=True)

        def gathered(params, batch, key):
            def add(total, part):
                return jax.tree.map(jnp.add, total, gradient(params, *part)), ()

            keys = jax.random.split(named(key, "microbatch"), parts)
            split = jax.tree.map(lambda leaf: _split(leaf, parts), batch)
            stacked = spread(split, leading=1), keys
            one = jax.tree.map(lambda leaf: leaf[0], stacked)
            total, _ = lax.scan(add, _zeros_like(gradient, params, *one), stacked)
            return jax.tree.map(lambda leaf: leaf / parts, total)

        return gathered

    return transform


def _zeros_like(function: Callable, *args):
    shapes = jax.eval_shape(function, *args)
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def _split(leaf, parts: int):
    if leaf.shape[0] % parts:
        raise ValueError(
            f"microbatched(parts={parts}): the batch of {leaf.shape[0]} examples does "
            "not divide into so many; change one of them"
        )
    return leaf.reshape(parts, leaf.shape[0] // parts, *leaf.shape[1:])
