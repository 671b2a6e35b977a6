"""A gradient that does not undo what another one asks for."""

import jax
import jax.numpy as jnp

from jaxgen.arrays import PyTree, Scalar


def inner_product(first: PyTree, second: PyTree) -> Scalar:
    """The sum of products of two trees, number by number."""
    parts = jax.tree.map(lambda a, b: (a * b).sum(), first, second)
    return jnp.asarray(sum(jax.tree.leaves(parts)))


def without_conflict(slope: PyTree, reference: PyTree) -> PyTree:
    """A gradient less its part that goes against a reference.

    Computes ``g - min(g . r, 0) / (r . r) r``, whose product with r is not negative: a
    small step down it does not raise the loss whose gradient is r.

    References:
      Chaudhry et al., 2019, *Efficient lifelong learning with A-GEM*, equation 11.

    Example:
      >>> slope = without_conflict(jnp.array([1.0, -1.0]), jnp.array([0.0, 2.0]))
      >>> slope.tolist()
      [1.0, 0.0]
    """
    length = inner_product(reference, reference)
    against = jnp.minimum(inner_product(slope, reference), 0)
    share = against / jnp.where(length > 0, length, 1)
    return jax.tree.map(lambda g, r: g - share * r, slope, reference)
