"""DoReMi: the weights of a mixture, from where a small model is worse than another."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Float, Int, Scalar
from jaxgen.objectives.aggregators import Aggregator
from jaxgen.objectives.checks import require_positive
from jaxgen.objectives.domain_losses import domain_means
from jaxgen.objectives.mixture_weights import (
    exponentiated,
    smoothed,
    uniform_weights,
)


class Excess(NamedTuple):
    """Losses beyond those of a reference.

    Attributes:
      losses: mean excess of each domain.
      clipped: the same with excesses below zero counted as zero.
    """

    losses: Float[Array, " k"]
    clipped: Float[Array, " k"]


def excess_losses(
    losses: Float[Array, "*n"],
    reference: Float[Array, "*n"],
    domain: Int[Array, "*n"],
    domains: int,
) -> Excess:
    """How much worse than a reference each domain is.

    Args:
      losses: of examples, or better of tokens: each is clipped before the mean.
      reference: of the same by a model that is not trained any more.
      domain: of which domain each is, from 0.
      domains: how many there are.

    References:
      Xie et al., 2023, *DoReMi: optimizing data mixtures speeds up language model
      pretraining*, equation 1 and algorithm 1.

    Example:
      >>> import jax
      >>> run = jax.jit(excess_losses, static_argnums=3)
      >>> both = run(jnp.array([1.0, 3.0]), jnp.full(2, 2.0), jnp.arange(2), 2)
      >>> both.losses.tolist(), both.clipped.tolist()
      ([-1.0, 1.0], [0.0, 1.0])
    """
    excess = losses - reference
    return Excess(
        domain_means(excess, domain, domains),
        domain_means(jnp.maximum(excess, 0), domain, domains),
    )


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
