"""Penalties on features whose distribution tells the domain: ``features -> scalar``.

Features are (n, k, d): in each of n rows one example of each of k domains.
"""

from collections.abc import Sequence

import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Scalar
from jaxgen.objectives.checks import require_domains


def coral(features: Float[Array, "n k d"]) -> Scalar:
    """How far the means and the covariances of domains are apart.

    Computes the mean over pairs of domains of ``|m_i - m_j|^2 / d + |C_i - C_j|^2 / d^2``,
    with covariances over n - 1.

    Raises:
      ValueError: one domain alone, or one example of each.

    References:
      Sun and Saenko, 2016, *Deep CORAL: correlation alignment for deep domain
      adaptation*, equation 1 without its quarter; means, and several domains: Gulrajani
      and Lopez-Paz, 2021, *In search of lost domain generalization*, the authors' code.

    Example:
      >>> import jax
      >>> x = jnp.array([0.0, 2.0])[:, None, None]
      >>> float(jax.jit(coral)(jnp.concatenate([x, x + 3.0], axis=1)))
      9.0
    """
    rows, domains, size = features.shape
    require_domains("coral", domains)
    if rows < 2:
        raise ValueError(f"coral of {rows} example a domain: expected 2 or more")
    means = features.mean(0)
    centred = features - means[None]
    covariances = jnp.einsum("nkd,nke->kde", centred, centred, precision="highest") / (
        rows - 1
    )
    return (
        mean_over_pairs(means) / size
        + mean_over_pairs(covariances.reshape(domains, -1)) / size**2
    )


def mean_over_pairs(points: Float[Array, "k d"]) -> Scalar:
    """The mean squared distance of two different points.

    It is ``2 k / (k - 1)`` times their mean squared distance from the mean.

    Example:
      >>> float(mean_over_pairs(jnp.array([[0.0], [3.0]])))
      9.0
    """
    domains = len(points)
    return 2 * domains / (domains - 1) * points.var(0).sum()


def mmd(
    features: Float[Array, "n k d"],
    gammas: Sequence[float] = (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3),
) -> Scalar:
    """The squared maximum mean discrepancy of two domains, in the mean over pairs.

    Computes ``mean k(x, x') + mean k(y, y') - 2 mean k(x, y)`` over all pairs of examples
    with ``k(x, y) = sum_gamma exp(-gamma |x - y|^2)``.

    Args:
      features: of examples in rows of domains.
      gammas: of the kernels.

    Raises:
      ValueError: one domain alone.

    References:
      Li et al., 2018, *Domain generalization with adversarial feature learning*, equation
      5; the kernels: Gulrajani and Lopez-Paz, 2021, *In search of lost domain
      generalization*, the authors' code.

    Example:
      >>> x = jnp.zeros((4, 1, 2))
      >>> float(mmd(jnp.concatenate([x, x + 9.0], axis=1), (1.0,)))
      2.0
    """
    rows, domains, _ = features.shape
    require_domains("mmd", domains)
    points = features.reshape(rows * domains, -1)
    squares = jnp.sum(points**2, axis=1)
    products = jnp.matmul(points, points.T, precision="highest")
    apart = jnp.maximum(squares[:, None] + squares[None] - 2 * products, 0)
    scales = jnp.asarray(gammas)[:, None, None]
    kernel = jnp.exp(-scales * apart[None]).sum(0)
    means = kernel.reshape(rows, domains, rows, domains).mean((0, 2))
    # over pairs of i and j: mean of K_ii + K_jj - 2 K_ij, which is zero where i is j
    total = 2 * domains * jnp.trace(means) - 2 * means.sum()
    return total / (domains * (domains - 1))
