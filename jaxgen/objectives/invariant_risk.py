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
      losses: of the domains.
      slopes: their derivatives by a factor on the logits, at one.
    """

    losses: Float[Array, " k"]
    slopes: Float[Array, " k"]


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
