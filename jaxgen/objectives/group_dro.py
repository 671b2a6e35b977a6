"""Distributionally robust optimization over groups."""

import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Scalar
from jaxgen.objectives.aggregators import Aggregator
from jaxgen.objectives.checks import require_positive
from jaxgen.objectives.mixture_weights import exponentiated, uniform_weights


def group_dro(rate: float | Scalar) -> Aggregator:
    """Distributionally robust optimization over groups: weights rise with losses.

    Computes ``w_k <- w_k exp(rate l_k) / Z``, then ``sum_k w_k l_k`` with these weights
    held constant. Together with descent it seeks the parameters whose worst domain is
    best. Its state is the weights.

    Args:
      rate: of the weights, above zero, may be traced.

    Raises:
      ValueError: a rate that is not positive.

    References:
      Sagawa et al., 2020, *Distributionally robust neural networks for group shifts*,
      algorithm 1.

    Example:
      >>> aggregator = group_dro(1.0)
      >>> losses = jnp.log(jnp.array([1.0, 3.0]))
      >>> aggregator.combine(losses, aggregator.init(losses))[1].round(4)
      Array([0.25, 0.75], dtype=float32)
    """
    require_positive("group_dro(rate)", rate)

    def init(losses):
        return uniform_weights(losses.shape[0])

    def combine(losses, weights):
        weights = exponentiated(weights, lax.stop_gradient(losses), rate)
        return jnp.dot(weights, losses), weights

    return Aggregator(init, combine)
