"""Weights of domains that follow their losses: GroupDRO and DoReMi."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Float, Int, Scalar
from jaxgen.objectives.aggregators import Aggregator
from jaxgen.objectives.checks import require_positive
from jaxgen.objectives.mixture_weights import (
    exponentiated,
    smoothed,
    uniform_weights,
)


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


class MixtureTrack(NamedTuple):
    """The weights of a mixture as they move.

    Attributes:
      weights: the last.
      total: the sum of all there were.
      count: how many there were.
    """

    weights: Float[Array, " k"]
    total: Float[Array, " k"]
    count: Int[Array, ""]


def doremi(rate: float | Scalar = 1.0, smoothing: float | Scalar = 1e-3) -> Aggregator:
    """Weights of a mixture that rise where a proxy is worse than its reference.

    Its losses are ``Excess``. With ``c_k`` the clipped ones and e the smoothing, computes
    ``w_k <- (1 - e) w_k exp(rate c_k) / Z + e / k``, then ``sum_k w_k l_k``. What is
    sought is the mean of the weights over the run, ``average_mixture(state)``: what
    the proxy has learned meanwhile does not matter.

    Args:
      rate: of the weights, above zero, may be traced.
      smoothing: the share that is dealt out equally.

    Raises:
      ValueError: a rate that is not positive.

    References:
      Xie et al., 2023, *DoReMi: optimizing data mixtures speeds up language model
      pretraining*, algorithm 1.

    Example:
      >>> from jaxgen.objectives.domain_losses import Excess
      >>> losses = Excess(jnp.array([-1.0, 1.0]), jnp.array([0.0, jnp.log(3.0)]))
      >>> aggregator = doremi(1.0, smoothing=0.0)
      >>> _, state = aggregator.combine(losses, aggregator.init(losses))
      >>> average_mixture(state).round(4)
      Array([0.25, 0.75], dtype=float32)
    """
    require_positive("doremi(rate)", rate)

    def init(excess):
        weights = uniform_weights(excess.losses.shape[0])
        return MixtureTrack(weights, jnp.zeros_like(weights), jnp.zeros((), jnp.int32))

    def combine(excess, track):
        gains = lax.stop_gradient(excess.clipped)
        weights = smoothed(exponentiated(track.weights, gains, rate), smoothing)
        new = MixtureTrack(weights, track.total + weights, track.count + 1)
        return jnp.dot(weights, excess.losses), new

    return Aggregator(init, combine)


def average_mixture(track: MixtureTrack) -> Float[Array, " k"]:
    """The mean of the weights so far, equal ones before the first update."""
    mean = track.total / jnp.maximum(track.count, 1)
    return jnp.where(track.count > 0, mean, track.weights)
