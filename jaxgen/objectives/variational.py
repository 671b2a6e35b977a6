"""Bounds on the likelihood of a batch: nats of an example, to be made small.

An objective is called ``(passed, key) -> (scalar, metrics)`` with the `Passed` of a batch.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key, Metrics, PyTree, Scalar
from jaxgen.models.autoencoder import Terms


class Passed(NamedTuple):
    """A batch that went through a model, and the model to go through again.

    Attributes:
      images: of the batch.
      terms: what the model says of them.
      params: of the model.
      encode: ``images -> posterior``.
      decode: ``codes -> outputs``.
      log_joint: ``codes (k, n, z) -> log p(x, z) (k, n)``, of the same images.
      draw: ``(key, count) -> codes (count, z)``, from the prior.
    """

    images: Float[Array, "n h w c"]
    terms: Terms
    params: PyTree
    encode: Callable
    decode: Callable
    log_joint: Callable
    draw: Callable


Objective = Callable[[Passed, Key], tuple[Scalar, Metrics]]
Weight = float | Float[Array, ""]


def over_batch(function: Callable) -> Callable:
    """Marks what is no mean over examples: gradients of parts of a batch would differ.

    Example:
      >>> looks_at_batch(over_batch(lambda passed, key: 0.0)), looks_at_batch(elbo)
      (True, False)
    """
    function.over_batch = True  # pyright: ignore[reportFunctionMemberAccess]
    return function


def looks_at_batch(function: Callable) -> bool:
    """Whether an objective, or a penalty, is marked so."""
    return getattr(function, "over_batch", False)


def elbo(passed: Passed, key: Key) -> tuple[Scalar, Metrics]:
    """The negative evidence lower bound, ``mean(distortion + rate)``.

    Of points, whose rate is zero, it is the distortion: an autoencoder's loss.

    References:
      Kingma and Welling, 2014, *Auto-encoding variational Bayes*, equation 3.
    """
    return (passed.terms.distortion + passed.terms.rate).mean(), {}


def weighted_elbo(weight: Weight) -> Objective:
    """``mean(distortion + weight rate)``.

    References:
      Higgins et al., 2017, *beta-VAE*, equation 4.
    """

    def objective(passed, key):
        return (passed.terms.distortion + weight * passed.terms.rate).mean(), {}

    return objective


def weighted_distortion(weight: Weight) -> Objective:
    """``mean(rate + weight distortion)``: the Lagrangian of a bounded distortion.

    References:
      Rezende and Viola, 2018, *Taming VAEs*, equation 3, for `geco`.
    """

    def objective(passed, key):
        return (passed.terms.rate + weight * passed.terms.distortion).mean(), {}

    return objective


def importance_weighted(passed: Passed, key: Key) -> tuple[Scalar, Metrics]:
    """``-mean log (1/k sum_k w_k)``: tighter with more codes, the ELBO's estimate with one.

    References:
      Burda et al., 2016, *Importance weighted autoencoders*, equation 8.
    """
    return -log_mean_exp(passed.terms.log_weights).mean(), {}


def log_mean_exp(log_weights: Float[Array, "k n"]) -> Float[Array, " n"]:
    """``log (1/k sum_k exp(l_k))``, stably.

    Example:
      >>> log_mean_exp(jnp.full((4, 1), -1000.0)).item()
      -1000.0
    """
    return jax.nn.logsumexp(log_weights, axis=0) - jnp.log(len(log_weights))
