"""Invariant risk minimization: one classifier that is optimal in every domain."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Scalar
from jaxgen.objectives.aggregators import Aggregator, stateless
from jaxgen.objectives.domain_losses import Losses


class Scaled(NamedTuple):
    """Losses, and how they change as all logits grow.

    Attributes:
      losses: of the domains, or of two halves of the batch of each, (k, 2).
      slopes: their derivatives by a factor on the logits, at one.
    """

    losses: Float[Array, " k"] | Float[Array, "k 2"]
    slopes: Float[Array, " k"] | Float[Array, "k 2"]


def with_slopes(losses: Callable) -> Losses:
    """Losses of domains with their derivatives by a dummy scale of the logits.

    All k derivatives are one forward pass, by ``jax.jvp`` in the scale.

    Args:
      losses: ``(params, scale, batch, key) -> (losses[k], metrics)``, whose logits are
        multiplied by the scale.

    References:
      Arjovsky et al., 2019, *Invariant risk minimization*, equation 4.

    Example:
      >>> squares = lambda w, scale, x, key: ((scale * w * x) ** 2, {})
      >>> both, _ = with_slopes(squares)(1.0, jnp.array([1.0, 3.0]), None)
      >>> both.losses.tolist(), both.slopes.tolist()
      ([1.0, 9.0], [2.0, 18.0])
    """

    def scaled(params, batch, key):
        def of(scale):
            return losses(params, scale, batch, key)

        one = jnp.ones(())
        values, slopes, metrics = jax.jvp(of, (one,), (one,), has_aux=True)
        return Scaled(values, slopes), metrics

    return scaled


def irmv1(weight: float | Scalar) -> Aggregator:
    """Invariant risk minimization: ``mean l + weight mean (dl / ds)^2``.

    Its losses are ``Scaled``, made by ``with_slopes``: s multiplies the logits, and
    where its derivative is zero in each domain, one classifier is optimal in all.

    Args:
      weight: of the penalty, may be traced.

    Raises:
      ValueError: one domain alone.

    References:
      Arjovsky et al., 2019, *Invariant risk minimization*, equation 4, divided by the
      number of domains.

    Example:
      >>> losses = Scaled(jnp.array([1.0, 3.0]), jnp.array([0.5, -0.5]))
      >>> float(irmv1(4.0).combine(losses, ())[0])
      3.0
    """

    def combine(scaled):
        return scaled.losses.mean() + weight * (scaled.slopes**2).mean()

    return stateless(combine, "irmv1", least=2)


def irm_by_halves(weight: float | Scalar) -> Aggregator:
    """As ``irmv1``, its penalty unbiased: ``mean l + weight mean_k s_k1 s_k2``.

    Here ``s_k1`` and ``s_k2`` are the derivatives of two halves of the batch of domain k.
    The square of one derivative of a batch is too large by its variance, which a product
    of two independent ones is not; it may be below zero.

    Args:
      weight: of the penalty, may be traced.

    Raises:
      ValueError: one domain alone.

    References:
      Gulrajani and Lopez-Paz, 2021, *In search of lost domain generalization*, the
      authors' code.

    Example:
      >>> halves = Scaled(jnp.array([[1.0, 1.0], [3.0, 3.0]]), jnp.array([[1.0, -1.0]] * 2))
      >>> float(irm_by_halves(0.5).combine(halves, ())[0])
      1.5
    """

    def combine(scaled):
        first, second = scaled.slopes[:, 0], scaled.slopes[:, 1]
        return scaled.losses.mean() + weight * (first * second).mean()

    return stateless(combine, "irm_by_halves", least=2)
