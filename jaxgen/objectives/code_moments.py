"""Penalties on the covariance of a batch's codes: DIP-VAE.

Each is ``off_diagonal sum_{i != j} C_ij^2 + diagonal sum_i (C_ii - 1)^2``, zero where
dimensions do not correlate and have variance one; they differ in the covariance C.

References:
  Kumar et al., 2018, *Variational inference of disentangled latent concepts from
  unlabeled observations*, equations 6 and 7.
"""

import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Scalar
from jaxgen.densities.normal import require_diagonal
from jaxgen.objectives.regularizers import Penalty
from jaxgen.objectives.variational import Weight, over_batch


def covariance_of_means(off_diagonal: Weight, diagonal: Weight) -> Penalty:
    """DIP-VAE-I: C is the covariance of the means of codes."""

    @over_batch
    def penalty(passed, key):
        covariance = covariance_of(passed.terms.posterior.mean)
        return distance_from_identity(covariance, off_diagonal, diagonal)

    return penalty


def covariance_of_codes(off_diagonal: Weight, diagonal: Weight) -> Penalty:
    """DIP-VAE-II: C is the covariance of codes, ``Cov[m(x)] + E diag(s(x)^2)``.

    Raises:
      ValueError: the code is not a diagonal normal.
    """

    @over_batch
    def penalty(passed, key):
        mean, scale = require_diagonal(passed.terms.posterior)
        covariance = covariance_of(mean) + jnp.diag((scale**2).mean(0))
        return distance_from_identity(covariance, off_diagonal, diagonal)

    return penalty


def covariance_of(points: Float[Array, "n z"]) -> Float[Array, "z z"]:
    """``E x x' - E x E x'``, over the points as they are: divided by n.

    Example:
      >>> covariance_of(jnp.array([[1.0], [-1.0]])).tolist()
      [[1.0]]
    """
    offsets = points - points.mean(0, keepdims=True)
    return offsets.T @ offsets / len(points)


def distance_from_identity(
    covariance: Float[Array, "z z"], off_diagonal: Weight, diagonal: Weight
) -> Scalar:
    """Squared distances, those off the diagonal with a weight of their own.

    Example:
      >>> distance_from_identity(jnp.full((2, 2), 2.0), 1.0, 10.0).item()
      28.0
    """
    own = jnp.eye(len(covariance), dtype=covariance.dtype)
    squares = (covariance - own) ** 2
    return off_diagonal * (squares * (1 - own)).sum() + diagonal * (squares * own).sum()
