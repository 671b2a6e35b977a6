"""A loss for each domain: of batches that say which, or of batches that are in rows.

A batch in rows has leaves (n, k, ...): examples lead, and each row has one example of each
of k domains. Losses of domains are ``(params, batch, key) -> (losses[k], metrics)``.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Data, Float, Int, Key, Metrics
from jaxgen.keys import named
from jaxgen.objectives.checks import require_positive

Losses = Callable[[Any, Data, Key], tuple[Any, Metrics]]


def domain_means(
    losses: Float[Array, "*n"], domain: Int[Array, "*n"], domains: int
) -> Float[Array, " k"]:
    """The mean loss of each domain; zero where a batch has no example of it.

    Args:
      losses: of examples, or of tokens.
      domain: of which domain each is, from 0.
      domains: k, how many there are.

    Raises:
      ValueError: no domain.

    Example:
      >>> domain_means(jnp.array([1.0, 2.0, 4.0]), jnp.array([0, 1, 1]), 3).tolist()
      [1.0, 3.0, 0.0]
    """
    require_positive("domain_means(domains)", domains)
    counts = jnp.bincount(domain.ravel(), length=domains)
    totals = jnp.bincount(domain.ravel(), losses.ravel(), length=domains)
    return totals / jnp.maximum(counts, 1)


def each_domain(loss: Losses) -> Losses:
    """Losses of the domains of a batch in rows, from the loss of one domain.

    Each domain's draws are its own; metrics are means over domains.

    Args:
      loss: ``(params, batch, key) -> (scalar, metrics)`` of a batch with leaves (n, ...).

    Example:
      >>> loss = lambda w, x, key: ((w * x).mean(), {})
      >>> x = jnp.array([[1.0, 10.0], [3.0, 30.0]])  # (n, k)
      >>> each_domain(loss)(1.0, x, jax.random.key(0))[0].tolist()
      [2.0, 20.0]
    """

    def losses(params, batch, key):
        keys = jax.random.split(named(key, "domains"), domains_of(batch))
        each = jax.vmap(loss, (None, 1, 0))
        values, metrics = each(params, batch, keys)
        return values, jax.tree.map(lambda metric: metric.mean(0), metrics)

    return losses


def domains_of(batch: Data) -> int:
    """How many domains a batch in rows has.

    Raises:
      ValueError: its leaves have no second axis of one size.

    Example:
      >>> domains_of({"tokens": jnp.zeros((8, 3, 16)), "label": jnp.zeros((8, 3))})
      3
    """
    shapes = [leaf.shape for leaf in jax.tree.leaves(batch)]
    counts = {shape[1] if len(shape) > 1 else 0 for shape in shapes}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(
            f"a batch of leaves {shapes}: expected rows of domains, (n, k, ...) each, as "
            "drawn by minibatch_by_domain"
        )
    return counts.pop()


def with_gradient(loss: Losses) -> Losses:
    """The loss of one domain together with its gradient by the parameters.

    Returns:
      ``(params, batch, key) -> ((scalar, gradient), metrics)``: through ``each_domain`` it
      gives the losses, and a stack of gradients with a leading axis of domains.

    Example:
      >>> loss = lambda w, x, key: ((w * x).mean(), {})
      >>> x = jnp.array([[1.0, 10.0], [3.0, 30.0]])  # (n, k)
      >>> (_, stack), _ = each_domain(with_gradient(loss))(1.0, x, jax.random.key(0))
      >>> stack.tolist()
      [2.0, 20.0]
    """
    gradient = jax.value_and_grad(loss, has_aux=True)

    def both(params, batch, key):
        (value, metrics), slope = gradient(params, batch, key)
        return (value, slope), metrics

    return both
