"""Densities of directions: points at distance one from zero."""

from math import lgamma, log, pi
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key
from jaxgen.densities.bessel import log_bessel
from jaxgen.densities.cosines import cosine


class VonMisesFisher(NamedTuple):
    """A density of directions for each example, the higher the nearer to its mean.

    Computes ``C exp(k m x)`` with ``C = k^v / ((2 pi)^(v+1) I_v(k))`` and
    ``v = z / 2 - 1``: a density per area of the sphere.

    Attributes:
      mean: m, of length one; it is the mode.
      concentration: k, zero or more.

    References:
      Davidson et al., 2018, *Hyperspherical variational auto-encoders*, equation 1.

    Example:
      >>> one = VonMisesFisher(jnp.array([[1.0, 0.0]]), jnp.zeros(1))
      >>> one.log_prob(jnp.array([[[0.0, 1.0]]])).round(3).tolist()  # -log 2 pi
      [[-1.838...]]
    """

    mean: Float[Array, "n z"]
    concentration: Float[Array, " n"]

    def sample(self, key: Key, count: int) -> Float[Array, "k n z"]:
        """Directions; gradients pass through, and are those of the mean over draws."""
        turning, tilting = jax.random.split(key)
        size = self.mean.shape[1]
        many = jnp.broadcast_to(self.concentration[None], (count, len(self.mean)))
        along = cosine(tilting, many, size)[..., None]
        noise = jax.random.normal(turning, (count, *self.mean.shape))
        mean = self.mean[None]
        across = noise - (noise * mean).sum(-1, keepdims=True) * mean
        across = across / jnp.linalg.norm(across, axis=-1, keepdims=True)
        # the root of zero has an infinite slope
        return along * mean + jnp.sqrt(jnp.maximum(1 - along**2, 1e-12)) * across

    def log_prob(self, codes: Float[Array, "k n z"]) -> Float[Array, "k n"]:
        """The log-density of directions of each example."""
        half = codes.shape[-1] / 2
        constant = half * log(2 * pi) + log_bessel(half - 1, self.concentration)[0]
        along = (codes * self.mean[None]).sum(-1)
        return self.concentration[None] * along - constant[None]

    def log_ratio(
        self, codes: Float[Array, "k n z"], log_prior: Float[Array, "k n"]
    ) -> Float[Array, "k n"]:
        """``log q(z|x) - log p(z)``."""
        return self.log_prob(codes) - log_prior


def log_area(size: int) -> float:
    """Of the sphere in so many dimensions: ``log(2 pi^(z/2) / Gamma(z/2))``.

    Example:
      >>> round(log_area(3) - log(4 * pi), 6)
      0.0
    """
    return log(2) + size / 2 * log(pi) - lgamma(size / 2)


def kl_to_uniform(posterior: VonMisesFisher) -> Float[Array, "n 1"]:
    """Nats from each density to the uniform one on the sphere.

    Computes ``k I_(v+1)(k) / I_v(k) + log C + log area``.

    References:
      Davidson et al., 2018, *Hyperspherical variational auto-encoders*, appendix B.

    Example:
      >>> still = VonMisesFisher(jnp.array([[1.0, 0.0, 0.0]]), jnp.zeros(1))
      >>> abs(round(kl_to_uniform(still).item(), 4))
      0.0
    """
    half = posterior.mean.shape[1] / 2
    value, ratio = log_bessel(half - 1, posterior.concentration)
    nats = posterior.concentration * ratio - value
    return (nats - half * log(2 * pi) + log_area(posterior.mean.shape[1]))[:, None]
