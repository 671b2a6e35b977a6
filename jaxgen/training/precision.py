"""Losses computed in half precision, of parameters that stay in full."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxgen.arrays import PyTree
from jaxgen.training.gradients import Loss


def in_dtype(loss: Loss, dtype: DTypeLike) -> Loss:
    """A loss of parameters rounded to a dtype, whose gradient is in their own.

    Computes ``loss(cast(params), batch, key)``: no model has a field for it, as its
    parameters decide the dtype of its vectors. What is learned, its moments and its
    averages keep their float32, so that small updates are not lost.

    Args:
      loss: ``(params, batch, key) -> (scalar, aux)``.
      dtype: of the computation: ``jnp.bfloat16``, whose range is that of float32, so
        that no loss need be scaled.

    References:
      Micikevicius et al., 2018, *Mixed precision training*, section 3.1.

    Example:
      >>> loss = in_dtype(lambda w, x, key: ((w * x).mean(), w.dtype), jnp.bfloat16)
      >>> slope, dtype = jax.grad(loss, has_aux=True)(1.0, jnp.ones(4), None)
      >>> slope.dtype, dtype
      (dtype('float32'), dtype(bfloat16))
    """

    def rounded(params: PyTree, batch: Any, key: Any) -> tuple[Any, Any]:
        return loss(cast(params, dtype), batch, key)

    return rounded


def cast(tree: PyTree, dtype: DTypeLike) -> PyTree:
    """The tree with its real numbers in a dtype; others stay what they are."""

    def one(leaf):
        leaf = jnp.asarray(leaf)
        real = jnp.issubdtype(leaf.dtype, jnp.floating)
        return leaf.astype(dtype) if real else leaf

    return jax.tree.map(one, tree)
