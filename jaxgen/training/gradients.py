"""Transformations of ``value_and_grad``: how the gradient of a batch is gathered."""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax

from jaxgen.keys import named

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
            keys = jax.random.split(named(key, "microbatch"), parts)
            stacked = jax.tree.map(lambda leaf: _split(leaf, parts), batch)
            results = lambda part: gradient(params, *part)  # noqa: E731
            shapes = jax.eval_shape(results, jax.tree.map(lambda x: x[0], (stacked, keys)))
            zeros = jax.tree.map(lambda s: jax.numpy.zeros(s.shape, s.dtype), shapes)
            add = lambda total, part: (jax.tree.map(jax.numpy.add, total, results(part)), ())  # noqa: E731,E501
            total, _ = lax.scan(add, zeros, (stacked, keys))
            return jax.tree.map(lambda leaf: leaf / parts, total)

        return gathered

    transform.parts = parts  # type: ignore[attr-defined]
    return transform


def _split(leaf, parts: int):
    if leaf.shape[0] % parts:
        raise ValueError(
            f"microbatched(parts={parts}): the batch of {leaf.shape[0]} examples does "
            "not divide into so many; change one of them"
        )
    return leaf.reshape(parts, leaf.shape[0] // parts, *leaf.shape[1:])
