"""Codes of one batch: points, and normal densities around them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key


class Point(NamedTuple):
    """All mass at one place for each example: what an autoencoder's code is.

    It has no density, so it is charged nothing: its rate is zero by definition.

    Attributes:
      mean: the places.
    """

    mean: Float[Array, "n z"]

    def sample(self, key: Key, count: int) -> Float[Array, "k n z"]:
        """The same places, as often as asked for."""
        return jnp.broadcast_to(self.mean[None], (count, *self.mean.shape))

    def log_ratio(
        self, codes: Float[Array, "k n z"], log_prior: Float[Array, "k n"]
    ) -> Float[Array, "k n"]:
        """Zero."""
        return jnp.zeros_like(log_prior)


class DiagonalNormal(NamedTuple):
    """A normal density for each example, ``N(mean, diag(scale^2))``.

    Attributes:
      mean: of each dimension.
      scale: standard deviation of each dimension, positive.

    Example:
      >>> one = DiagonalNormal(jnp.zeros((1, 2)), jnp.ones((1, 2)))
      >>> float(one.log_prob(jnp.zeros((1, 1, 2)))[0, 0])  # -log 2 pi
      -1.8378770351409912
    """

    mean: Float[Array, "n z"]
    scale: Float[Array, "n z"]

    def sample(self, key: Key, count: int) -> Float[Array, "k n z"]:
        """``mean + scale e`` with standard normal e: gradients pass through."""
        noise = jax.random.normal(key, (count, *self.mean.shape), self.mean.dtype)
        return self.mean[None] + self.scale[None] * noise

    def log_prob(self, codes: Float[Array, "k n z"]) -> Float[Array, "k n"]:
        """The log-density of codes of each example."""
        return normal_log_prob(codes, self.mean[None], self.scale[None]).sum(-1)

    def log_ratio(
        self, codes: Float[Array, "k n z"], log_prior: Float[Array, "k n"]
    ) -> Float[Array, "k n"]:
        """``log q(z|x) - log p(z)``."""
        return self.log_prob(codes) - log_prior


def require_diagonal(posterior: Any) -> DiagonalNormal:
    """The posterior, whose dimensions have densities of their own.

    Raises:
      ValueError: it is of another kind.
    """
    if not isinstance(posterior, DiagonalNormal):
        raise ValueError(
            f"{type(posterior).__name__}: expected a diagonal normal, whose dimensions "
            "have densities of their own; use GaussianCode"
        )
    return posterior


def normal_log_prob(
    x: Float[Array, "*#n"],
    mean: Float[Array, "*#n"],
    scale: float | Float[Array, "*#n"],
) -> Float[Array, "*n"]:
    """``-((x - mean) / scale)^2 / 2 - log scale - log(2 pi) / 2``, of each number.

    Example:
      >>> float(normal_log_prob(jnp.zeros(1), jnp.zeros(1), jnp.ones(1))[0])
      -0.9189385175704956
    """
    offsets = (x - mean) / scale
    return -0.5 * offsets**2 - jnp.log(scale) - 0.5 * jnp.log(2 * jnp.pi)


def standard_normal_log_prob(x: Float[Array, "*n z"]) -> Float[Array, "*n"]:
    """``-|x|^2 / 2 - z log(2 pi) / 2``, of each point."""
    return (-0.5 * x**2 - 0.5 * jnp.log(2 * jnp.pi)).sum(-1)


def kl_to_standard_normal(posterior: DiagonalNormal) -> Float[Array, "n z"]:
    """Nats from each dimension's density to N(0, 1).

    Computes ``(mean^2 + scale^2 - 1) / 2 - log scale``.

    References:
      Kingma and Welling, 2014, *Auto-encoding variational Bayes*, appendix B.

    Example:
      >>> kl_to_standard_normal(DiagonalNormal(jnp.ones((1, 1)), jnp.ones((1, 1)))).item()
      0.5
    """
    mean, scale = posterior
    return 0.5 * (mean**2 + scale**2 - 1) - jnp.log(scale)
