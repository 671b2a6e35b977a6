"""Normal densities whose dimensions vary together."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Float, Key


class FullNormal(NamedTuple):
    """A normal density for each example, ``N(mean, L L')``.

    Attributes:
      mean: of each dimension.
      triangle: L, lower triangular with a positive diagonal.

    Example:
      >>> one = FullNormal(jnp.zeros((1, 2)), 2 * jnp.eye(2)[None])
      >>> round(float(one.log_prob(jnp.zeros((1, 1, 2)))[0, 0]), 4)  # -log 8 pi
      -3.2242
    """

    mean: Float[Array, "n z"]
    triangle: Float[Array, "n z z"]

    def sample(self, key: Key, count: int) -> Float[Array, "k n z"]:
        """``mean + L e`` with standard normal e: gradients pass through."""
        noise = jax.random.normal(key, (count, *self.mean.shape), self.mean.dtype)
        return self.mean[None] + correlated(noise, self.triangle)

    def log_prob(self, codes: Float[Array, "k n z"]) -> Float[Array, "k n"]:
        """The log-density of codes of each example."""
        return full_normal_log_prob(codes, self.mean, self.triangle)

    def log_ratio(
        self, codes: Float[Array, "k n z"], log_prior: Float[Array, "k n"]
    ) -> Float[Array, "k n"]:
        """``log q(z|x) - log p(z)``."""
        return self.log_prob(codes) - log_prior


def full_normal_log_prob(
    x: Float[Array, "k n z"], mean: Float[Array, "n z"], triangle: Float[Array, "n z z"]
) -> Float[Array, "k n"]:
    """``-|L^-1 (x - mean)|^2 / 2 - log |L| - z log(2 pi) / 2``, of each point."""
    offsets = jnp.moveaxis(x - mean[None], 0, -1)
    noise = lax.linalg.triangular_solve(triangle, offsets, left_side=True, lower=True)
    diagonal = jnp.diagonal(triangle, axis1=-2, axis2=-1)
    constant = jnp.log(diagonal).sum(-1) + 0.5 * x.shape[-1] * jnp.log(2 * jnp.pi)
    return (-0.5 * (noise**2).sum(1) - constant[:, None]).T


def correlated(
    noise: Float[Array, "k n z"], triangle: Float[Array, "n z z"]
) -> Float[Array, "k n z"]:
    """``L e``, of each example; on accelerators too in full precision."""
    return jnp.einsum("nij,knj->kni", triangle, noise, precision="highest")


def full_kl_to_standard_normal(posterior: FullNormal) -> Float[Array, "n 1"]:
    """Nats from each density to N(0, I), in one column.

    Computes ``(|L|_F^2 + |mean|^2 - z) / 2 - log |L|``.

    Example:
      >>> one = FullNormal(jnp.ones((1, 2)), jnp.eye(2)[None])
      >>> full_kl_to_standard_normal(one).item()
      1.0
    """
    mean, triangle = posterior
    diagonal = jnp.diagonal(triangle, axis1=1, axis2=2)
    squares = (triangle**2).sum((1, 2)) + (mean**2).sum(1) - mean.shape[1]
    return (0.5 * squares - jnp.log(diagonal).sum(1))[:, None]
