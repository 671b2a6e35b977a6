"""Transformations of ``value_and_grad`` for batches in rows of domains, (n, k, ...)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgen.keys import named
from jaxgen.objectives.checks import require_domains
from jaxgen.objectives.domain_losses import domains_of, each_domain, with_gradient
from jaxgen.objectives.gradient_agreement import Agreement
from jaxgen.sharding.mesh import spread
from jaxgen.training.gradients import Loss


def per_domain(agreement: Agreement) -> Callable[[Loss], Callable]:
    """The mean loss of domains, and one gradient of the gradients of all.

    Args:
      agreement: ``(stack, key) -> gradient``: ``mean_gradient``, ``pcgrad``,
        ``and_mask(0.8)``.

    Returns:
      A transformation for ``descent``, whose loss is then that of one domain.

    Example:
      >>> from jaxgen.objectives.gradient_agreement import and_mask
      >>> loss = lambda w, x, key: (((w - x) ** 2).mean(), {})
      >>> grad = jax.jit(per_domain(and_mask(1.0))(loss))
      >>> x = jnp.array([[1.0, 3.0]])  # domains that pull to 1 and to 3
      >>> [float(grad(w, x, jax.random.key(0))[1]) for w in (0.0, 2.0)]
      [-4.0, 0.0]
    """

    def transform(loss):
        def gathered(params, batch, key):
            (values, stack), told = each_domain(with_gradient(loss))(params, batch, key)
            return (values.mean(), told), agreement(stack, named(key, "agreement"))

        return gathered

    return transform


def fish(inner: optax.GradientTransformation) -> Callable[[Loss], Callable]:
    """The way back from where steps on one domain after another lead.

    From ``p_0 = params``, computes ``p_i = p_(i-1) - inner(grad loss_i(p_(i-1)))`` over
    domains in a random order, and gives ``p_0 - p_k`` for a gradient. With
    ``descent(..., optax.sgd(e))`` around it, params move the share e of the way: to first
    order that ascends the inner products of the gradients of domains.

    Args:
      inner: of the steps; its state starts afresh at each update.

    Returns:
      A transformation for ``descent``, whose loss is then that of one domain. The loss
      and metrics it tells are means over the steps.

    Raises:
      ValueError: one domain alone.

    References:
      Shi et al., 2022, *Gradient matching for domain generalization*, algorithm 1.

    Example:
      >>> loss = lambda w, x, key: ((w * x).mean(), {})
      >>> x = jnp.array([[1.0, 3.0]])
      >>> float(jax.jit(fish(optax.sgd(0.5))(loss))(0.0, x, jax.random.key(0))[1])
      2.0
    """

    def transform(loss):
        gradient = jax.value_and_grad(loss, has_aux=True)

        def gathered(params, batch, key):
            domains = domains_of(batch)
            require_domains("fish", domains)

            def visit(carry, given):
                point, opt = carry
                told, slope = gradient(point, *given)
                updates, opt = inner.update(slope, opt, point)
                return (optax.apply_updates(point, updates), opt), told

            order = jax.random.permutation(named(key, "order"), domains)
            keys = jax.random.split(named(key, "domains"), domains)
            stack = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0)[order], batch)
            start = jax.tree.map(jnp.asarray, params)
            (end, _), told = lax.scan(
                visit, (start, inner.init(start)), (spread(stack, leading=1), keys)
            )
            back = jax.tree.map(jnp.subtract, start, end)
            return jax.tree.map(lambda leaf: leaf.mean(0), told), back

        return gathered

    return transform
