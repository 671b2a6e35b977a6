"""Diversity of samples: of a kernel, of near-duplicates, within modes, of directions.

None of these asks whether the samples are good; read them beside a score that does.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special

from jaxgen.arrays import Array, Float, Scalar
from jaxgen.metrics.decompositions import eigenvalues
from jaxgen.metrics.modes import Rule, assigned

Points = Array | np.ndarray

ROWS = 16  # points whose distances to all others are held at once


def vendi_score(kernel: Float[Points, "n m"], order: int | float = 1.0) -> Scalar:
    """Effective number of distinct samples: the Hill number of a kernel's spectrum.

    With the eigenvalues λ of K / n, which add up to one as K_ii = 1::

        order q  (Σ λ^q)^{1 / (1 − q)}
        0        number of λ above rounding
        1        exp(−Σ λ log λ)
        inf      1 / max λ

    n for samples that are alike only to themselves, 1 for samples all alike. With
    k = 1 in the same mode and 0 otherwise, order one is the effective number of modes.

    Args:
        kernel: K, symmetric and positive semi-definite, with a diagonal of ones.
        order: q ≥ 0, a number and no traced array; the larger, the less rare samples
            count.

    Raises:
        ValueError: if the kernel is not square, or the order negative or NaN.

    References:
        Friedman and Dieng, "The Vendi score", 2023; Pasarkar and Dieng, "Cousins of
        the Vendi score", 2024.

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(vendi_score(jnp.eye(4))), 4)
        4.0
    """
    if kernel.shape[0] != kernel.shape[1] or kernel.shape[0] == 0:
        raise ValueError(f"kernel is {kernel.shape}: expected a square, (n, n).")
    kernel = jnp.asarray(kernel)
    if order == 2:  # the sum of squares needs no spectrum
        return kernel.shape[0] ** 2 / jnp.sum(kernel**2)
    return _hill_number(eigenvalues(kernel), order)


def vendi_score_of_features(
    features: Float[Points, "n d"], order: int | float = 1
) -> Scalar:
    """`vendi_score` of the cosine kernel of features, at most min(n, d).

    K = XXᵀ of rows scaled to length one has the non-zero eigenvalues of XᵀX, so the
    smaller of the two is decomposed. A row of zeros has no direction: the score is
    then not a number.

    Raises:
        ValueError: if the order is negative or NaN.
    """
    features = jnp.asarray(features)
    lengths = jnp.linalg.norm(features, axis=-1, keepdims=True)
    return _hill_number(_gram_spectrum(features / lengths), order)


def birthday_support(samples: Float[Points, "s d"], radius: float | Scalar) -> Scalar:
    """Support size that explains how many pairs of samples are near-duplicates.

    (s (s − 1) / 2) / #{pairs within the radius (≤)}, infinite without a pair. The
    share of close pairs is unbiased for Σp² of a distribution p on distinct outputs,
    so this estimates the Hill number of order two. The classic test looks for the s
    at which half of the batches hold a pair, exp(−s² / 2N) = 1/2, and reports
    N = s² / (2 ln 2); counting pairs instead needs one batch, and its relative error
    is about one over the root of their number.

    Args:
        samples: generated samples or their features, at least two.
        radius: a distance in the same units, as from `neighbours.duplicate_radius`.

    Raises:
        ValueError: for fewer than two samples.

    References:
        Arora and Zhang, "Do GANs actually learn the distribution?", 2017.

    Example:
        >>> import jax.numpy as jnp
        >>> samples = jnp.array([[0.0], [0.1], [1.0], [2.0]])
        >>> float(birthday_support(samples, radius=0.2))
        6.0
    """
    _refuse_single(samples)
    samples, size = jnp.asarray(samples), len(samples)

    def share_near(i: Array) -> Scalar:
        apart = jnp.sqrt(jnp.sum((samples - samples[i][None]) ** 2, axis=-1))
        near = (apart <= radius) & (jnp.arange(size) != i)
        return jnp.sum(near) / (size - 1)

    return 1 / jnp.mean(jax.lax.map(share_near, jnp.arange(size), batch_size=ROWS))


def spread_ratio(
    samples: Float[Points, "n d"],
    means: Float[Points, "k d"],
    sigma: float | Float[Points, ""] | Float[Points, " k"],
    rule: Rule,
) -> Scalar:
    """Width of the generated modes over the width they should have.

    With z the offsets in sigma of the c_k high-quality samples of mode k, as in
    `modes.mode_counts`, and z̄_k their mean::

        √( Σ_k Σ ‖z − z̄_k‖² / (d Σ_k (c_k − 1)) )

    which weighs the unbiased variance of a mode by c_k − 1. Below one for modes that
    are too narrow, whatever their centres; a perfect sampler scores one but for the
    truncation by the rule: `ball_spread`. NaN if no mode has two samples.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxgen.metrics.modes import OpenBall
        >>> samples = jnp.array([[-0.5], [0.5], [9.0]])
        >>> round(float(spread_ratio(samples, jnp.zeros((1, 1)), 1.0, OpenBall(3.0))), 4)
        0.7071
    """
    nearest, offsets, accepted = assigned(samples, means, sigma, rule)
    offsets = jnp.where(accepted[:, None], offsets, 0.0)
    counts = jax.ops.segment_sum(accepted.astype(jnp.int32), nearest, len(means))
    sums = jax.ops.segment_sum(offsets, nearest, len(means))
    centres = sums / jnp.maximum(counts, 1)[:, None]
    apart = jnp.where(accepted[:, None], offsets - centres[nearest], 0.0)
    freedom = samples.shape[1] * jnp.sum(jnp.maximum(counts - 1, 0))
    return jnp.sqrt(jnp.sum(apart**2) / freedom)


def ball_spread(radius: float, dimension: int) -> float:
    """`spread_ratio` of a perfect sampler under `OpenBall` or `ClosedBall`.

    √( P(χ²_{d+2} < radius²) / P(χ²_d < radius²) ); in the plane
    √( 1 − a / (e^a − 1) ) with a = radius² / 2.

    Example:
        >>> round(ball_spread(3.0, dimension=2), 4)
        0.9744
    """
    half, area = dimension / 2, radius**2 / 2
    inside = scipy.special.gammainc(np.array([half + 1, half]), area)
    return float(np.sqrt(inside[0] / inside[1]))


def covariance_rank(samples: Float[Points, "n d"]) -> Scalar:
    """Effective number of directions in which samples vary.

    exp(−Σ p log p) of the eigenvalues of their covariance, scaled to add up to one: d
    for a round cloud, 1 on a line, 0 if all samples are equal.

    Raises:
        ValueError: for fewer than two samples.

    References:
        Roy and Vetterli, "The effective rank", 2007.

    Example:
        >>> import jax.numpy as jnp
        >>> corners = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> round(float(covariance_rank(corners)), 4)
        2.0
    """
    _refuse_single(samples)
    offsets = jnp.asarray(samples) - samples[:1]  # zero to the last bit for equals
    spectrum = _gram_spectrum(offsets - jnp.mean(offsets, axis=0, keepdims=True))
    return jnp.where(jnp.all(offsets == 0), 0.0, _hill_number(spectrum, 1.0))


def _gram_spectrum(rows: Float[Array, "n d"]) -> Float[Array, " smaller"]:
    thin = rows if rows.shape[0] >= rows.shape[1] else rows.T
    return eigenvalues(jnp.matmul(thin.T, thin, precision="highest"))


def _hill_number(spectrum: Float[Array, " n"], order: int | float) -> Scalar:
    if not order >= 0:
        raise ValueError(f"order={order}: expected a number from 0 to inf.")
    noise = 4 * len(spectrum) ** 0.5 * jnp.finfo(spectrum.dtype).eps * spectrum[-1]
    spectrum = jnp.where(spectrum <= noise, 0.0, spectrum)  # keeps NaN
    shares = spectrum / jnp.sum(spectrum)
    if order == 0:
        return jnp.sum(jnp.sign(shares))
    if order == 1:
        return jnp.exp(jnp.sum(jax.scipy.special.entr(shares)))
    if order == math.inf:
        return 1 / jnp.max(shares)
    powers = jax.scipy.special.logsumexp(order * jnp.log(shares))
    return jnp.exp(powers / (1 - order))


def _refuse_single(samples: Points) -> None:
    if samples.shape[0] < 2:
        raise ValueError(f"samples has {samples.shape[0]} rows: expected two or more.")
