"""Mixtures of Gaussians in the plane, with modes that can be counted."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Key


class Mixture(NamedTuple):
    """Equally round Gaussians.

    Attributes:
      means: where the modes are, (modes, d), all different.
      sigma: their standard deviation along each axis.
      weights: how likely they are, adding up to one; equally likely by default.
    """

    means: Float[np.ndarray, "k d"]
    sigma: float
    weights: Float[np.ndarray, " k"] | None = None


def ring(modes: int, radius: float, sigma: float) -> Mixture:
    """Modes at equal angles on a circle, the first at angle zero.

    Example:
      >>> ring(4, 1.0, 0.01).means.round().tolist()
      [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [-0.0, -1.0]]
    """
    angles = 2 * np.pi * np.arange(modes) / modes
    means = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Mixture(means.astype(np.float32), sigma)


def overlapping_ring(points: int, radius: float, sigma: float) -> Mixture:
    """Points at equal angles from 0 to 2π, both ends included, which are one mode.

    What ``linspace(0, 2 pi, points)`` makes of a ring of so many modes: one mode less,
    and one of double weight. Several published rings "of 8 modes" are this one.

    References:
      Metz et al., 2017, *Unrolled generative adversarial networks*, the authors' code.

    Example:
      >>> overlapping_ring(8, 1.0, 0.01).weights.tolist()
      [0.25, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125]
    """
    modes = points - 1
    weights = np.full(modes, 1 / points, np.float32)
    weights[0] = 2 / points
    return ring(modes, radius, sigma)._replace(weights=weights)


def lattice(side: int, spacing: float, sigma: float) -> Mixture:
    """Modes on a square lattice around the origin: the field calls it the grid.

    Example:
      >>> lattice(5, 2.0, 0.05).means[:2].tolist()
      [[-4.0, -4.0], [-4.0, -2.0]]
    """
    along = spacing * (np.arange(side) - (side - 1) / 2)
    means = np.stack(np.meshgrid(along, along, indexing="ij"), axis=-1).reshape(-1, 2)
    return Mixture(means.astype(np.float32), sigma)


def mixture_samples(mixture: Mixture, key: Key, count: int) -> Float[Array, "n d"]:
    """Independent samples of the mixture: ``x = mean_c + sigma e``, c by the weights.

    Example:
      >>> import jax
      >>> mixture_samples(ring(8, 1.0, 0.01), jax.random.key(0), 5).shape
      (5, 2)
    """
    choice, noise = jax.random.split(key)
    modes = jax.random.choice(
        choice, len(mixture.means), (count,), p=_probabilities(mixture)
    )
    centres = jnp.asarray(mixture.means)[modes]
    return centres + mixture.sigma * jax.random.normal(noise, centres.shape)


def _probabilities(mixture: Mixture) -> Array | None:
    return None if mixture.weights is None else jnp.asarray(mixture.weights)
