"""Examples of a mixture of domains, all drawn once before any is drawn again."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.arrays import Array, Float, Int, Key


def in_passes(
    size: int, budget: int, weights: Float[Array | np.ndarray, " k"]
) -> Callable[[Int[Array, ""], Key], tuple[Int[Array, " n"], Int[Array, " n"]]]:
    """Draws examples of a mixture without replacement, pass after pass.

    A pass draws the first ``budget w_k`` examples of each domain, rounded, once each, in
    an order of its own. So every mixture sees as many different examples: drawn with
    replacement, a mixture of few domains would see more of them twice.

    Args:
      size: examples of a batch.
      budget: examples of a pass, a multiple of the size.
      weights: of the mixture, adding up to one, may be traced.

    Returns:
      ``(step, key) -> (domain, example)``, both (n,), for `feed_by_step`: the key is that
      of the run, and the step says which part of which pass.

    Raises:
      ValueError: a budget that batches do not divide.

    Example:
      >>> draw = in_passes(2, 4, np.array([0.25, 0.75]))
      >>> parts = [draw(jnp.array(step), jax.random.key(0)) for step in range(2)]
      >>> sorted((int(d), int(e)) for part in parts for d, e in zip(*part))
      [(0, 0), (1, 0), (1, 1), (1, 2)]
    """
    if size < 1 or budget < 1 or budget % size:
        raise ValueError(
            f"in_passes(size={size}, budget={budget}): expected 1 or more, the first "
            "dividing the second"
        )

    def draw(step, key):
        one_pass = jax.random.fold_in(key, step * size // budget)
        order = jax.random.permutation(one_pass, budget)
        place = lax.dynamic_slice(order, (step * size % budget,), (size,))
        ends = jnp.round(budget * jnp.cumsum(jnp.asarray(weights))).astype(jnp.int32)
        starts = jnp.concatenate([jnp.zeros(1, jnp.int32), ends[:-1]])
        domain = jnp.searchsorted(ends[:-1], place, side="right")
        return domain, place - starts[domain]

    return draw


def each_in_passes(
    size: int, budget: int, domains: int
) -> Callable[[Int[Array, ""], Key], Int[Array, "n k"]]:
    """Draws examples of every domain without replacement, pass after pass.

    A pass draws the first ``budget`` examples of each domain once, each domain in an
    order of its own.

    Args:
      size: examples of each domain in a batch.
      budget: examples of each domain in a pass, a multiple of the size.
      domains: k.

    Returns:
      ``(step, key) -> example``, as `in_passes`: which of each domain.

    Raises:
      ValueError: a budget that batches do not divide, or no domain.

    Example:
      >>> draw = each_in_passes(2, 4, domains=3)
      >>> parts = [draw(jnp.array(step), jax.random.key(0)) for step in range(2)]
      >>> np.sort(np.concatenate(parts), axis=0)[:, 1].tolist()
      [0, 1, 2, 3]
    """
    if min(size, budget, domains) < 1 or budget % size:
        raise ValueError(
            f"each_in_passes(size={size}, budget={budget}, domains={domains}): expected 1 "
            "or more each, the first dividing the second"
        )

    def draw(step, key):
        one_pass = jax.random.fold_in(key, step * size // budget)
        keys = jax.random.split(one_pass, domains)
        orders = jax.vmap(lambda own: jax.random.permutation(own, budget))(keys)
        return lax.dynamic_slice_in_dim(orders, step * size % budget, size, 1).T

    return draw
