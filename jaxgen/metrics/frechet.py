"""Fréchet distance between two sets of features, from moments that merge online."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int, Scalar
from jaxgen.metrics.decompositions import eigenvectors, singular_values

Points = Array | np.ndarray


class Moments(NamedTuple):
    """Count, mean and scatter Σ (x − mean)(x − mean)ᵀ of a set of features."""

    count: Int[Array, ""]
    mean: Float[Array, " d"]
    scatter: Float[Array, "d d"]


def moments(features: Float[Points, "n d"]) -> Moments:
    """Moments of one batch; `merged` joins those of several.

    Offsets are taken from the first row, so that the scatter of equal rows is zero to
    the last bit and a large common mean costs no precision.

    Raises:
        ValueError: for an empty batch.
    """
    if features.shape[0] < 1:
        raise ValueError("features has 0 rows: expected at least one.")
    features = jnp.asarray(features)
    offsets = features - features[:1]
    shift = jnp.mean(offsets, axis=0)
    centred = offsets - shift[None]
    scatter = jnp.matmul(centred.T, centred, precision="highest")
    return Moments(jnp.asarray(features.shape[0]), features[0] + shift, scatter)


def merged(a: Moments, b: Moments) -> Moments:
    """Moments of the union of two disjoint sets.

    With δ = mean_b − mean_a and n = n_a + n_b::

        mean    = mean_a + δ n_b / n
        scatter = scatter_a + scatter_b + δδᵀ n_a n_b / n

    Associative and commutative up to rounding: batches and hosts may be joined in any
    order, as by ``functools.reduce(merged, map(moments, batches))``.

    References:
        Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
        computing sample variances", 1979.

    Example:
        >>> import functools, jax.numpy as jnp
        >>> batches = jnp.arange(6.0).reshape(3, 2, 1)
        >>> whole = functools.reduce(merged, map(moments, batches))
        >>> int(whole.count), whole.mean.tolist(), whole.scatter.tolist()
        (6, [2.5], [[17.5]])
    """
    count = a.count + b.count
    share = b.count / count
    delta = b.mean - a.mean
    between = jnp.outer(delta, delta) * (a.count * share)
    return Moments(count, a.mean + delta * share, a.scatter + b.scatter + between)


def covariance(m: Moments) -> Float[Array, "d d"]:
    """Unbiased covariance, scatter / (n − 1); not a number for a single sample."""
    return m.scatter / (m.count - 1)


def frechet_distance(a: Moments, b: Moments) -> Scalar:
    """Squared Fréchet (2-Wasserstein) distance of two Gaussians with these moments.

    ::

        ‖μ_a − μ_b‖² + tr S_a + tr S_b − 2 Σ √λ(S_a^½ S_b S_a^½)

    FID when the features are those of Inception. Each √λ is computed as a singular
    value of S_a^½ S_b^½, which is the same number without the square root of rounding:
    where samples are fewer than features the eigenvalues that should be zero would
    otherwise add up. Finite when either set is a single repeated point, and clipped
    at zero. It is biased upwards by O(1/n): compare at equal n only.

    Raises:
        ValueError: if the two differ in the number of features.

    References:
        Dowson and Landau, "The Fréchet distance between multivariate normal
        distributions", 1982; Heusel et al., "GANs trained by a two time-scale update
        rule", 2017.

    Example:
        >>> import jax.numpy as jnp
        >>> a, b = jnp.array([[-1.0], [1.0]]), jnp.array([[1.0], [5.0]])
        >>> round(float(frechet_distance(moments(a), moments(b))), 4)  # 3² + (√8 − √2)²
        11.0
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(
            f"b has {b.mean.shape[-1]} features and a {a.mean.shape[-1]}: expected "
            "moments in one feature space."
        )
    first, second = covariance(a), covariance(b)
    product = jnp.matmul(_root(first), _root(second), precision="highest")
    overlap = jnp.sum(singular_values(product))
    apart = jnp.sum((a.mean - b.mean) ** 2)
    return jnp.maximum(apart + jnp.trace(first) + jnp.trace(second) - 2 * overlap, 0.0)


def _root(matrix: Float[Array, "d d"]) -> Float[Array, "d d"]:
    values, vectors = eigenvectors(matrix)
    noise = 4 * len(values) ** 0.5 * jnp.finfo(values.dtype).eps * values[-1]
    roots = jnp.sqrt(jnp.where(values <= noise, 0.0, values))
    return jnp.matmul(vectors * roots[None], vectors.T, precision="highest")
