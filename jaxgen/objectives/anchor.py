"""Penalties that keep parameters, or what they tell, near what they were."""

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, PyTree, Scalar


def anchor_penalty(params: PyTree, anchor: PyTree, importance: PyTree) -> Scalar:
    """How far parameters are from an anchor: ``1/2 sum_i F_i (w_i - a_i)^2``.

    References:
      Kirkpatrick et al., 2017, *Overcoming catastrophic forgetting in neural networks*,
      equation 3; with ones Li et al., 2018, *Explicit inductive bias for transfer
      learning with convolutional networks*.

    Example:
      >>> float(anchor_penalty(jnp.array([3.0]), jnp.array([1.0]), jnp.array([2.0])))
      4.0
    """
    parts = jax.tree.map(
        lambda w, a, f: 0.5 * (f * (w - a) ** 2).sum(), params, anchor, importance
    )
    return jnp.asarray(sum(jax.tree.leaves(parts)))


def distillation(
    new: Float[Array, "*n v"],
    old: Float[Array, "*n v"],
    temperature: int | float | Scalar = 1.0,
) -> Scalar:
    """How far what is told now is from what was told: ``T^2 mean KL(old/T || new/T)``.

    Args:
      new: logits, which learn.
      old: logits of the same inputs, which do not.
      temperature: T; above one, classes that are not likely matter more.

    References:
      Hinton et al., 2015, *Distilling the knowledge in a neural network*, section 2.

    Example:
      >>> float(distillation(jnp.zeros((1, 2)), jnp.zeros((1, 2)), 2.0))
      0.0
    """
    log_old = jax.nn.log_softmax(jax.lax.stop_gradient(old) / temperature)
    log_new = jax.nn.log_softmax(new / temperature)
    divergence = (jnp.exp(log_old) * (log_old - log_new)).sum(-1)
    return temperature**2 * divergence.mean()
