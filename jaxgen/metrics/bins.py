"""Bins of data: in how many a generator has another share of samples than the data.

For data without known modes. The bins are cells of k-means on real samples, so each
is a region that the data does visit. Counts add up over batches.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.cluster import KMeans

from jaxgen.arrays import Array, Float, Int, Scalar

Points = Array | np.ndarray

TWO_SIDED = 1.959964  # P(|z| > this) = 5 % for a standard normal z


class BinScores(NamedTuple):
    """Scores of two histograms over the same bins; formulas at `bin_scores`."""

    different: Scalar
    js: Scalar


def centres_of(
    real: Float[Points, "n d"], bins: int, seed: int
) -> Float[np.ndarray, "bins d"]:
    """Centres of bins: one run of k-means from k-means++, on the host.

    Not jittable. The same seed gives the same centres.

    Args:
        real: real samples or their features; scale the axes first if their units differ.
        bins: how many; 100 is usual, with some 500 samples each.
        seed: of the random choice of first centres.

    Raises:
        ValueError: if bins is below one, or above the number of distinct samples.

    Example:
        >>> import numpy as np
        >>> real = np.array([[0.0], [0.5], [8.0], [9.0]])
        >>> sorted(centres_of(real, bins=2, seed=0).ravel().tolist())
        [0.25, 8.5]
    """
    rows = np.ascontiguousarray(real)
    distinct = len({row.tobytes() for row in rows})
    if not 1 <= bins <= distinct:
        raise ValueError(
            f"bins={bins}: expected 1 to {distinct}, the number of distinct rows of "
            "real; pass more samples or ask for fewer bins."
        )
    means = KMeans(bins, random_state=seed).fit(rows)
    return means.cluster_centers_


def bins_of(
    samples: Float[Points, "n d"], centres: Float[Points, "k d"]
) -> Int[Array, " n"]:
    """Bin of each sample: its nearest centre, or k, which is no bin, if not finite.

    Example:
        >>> import jax.numpy as jnp
        >>> bins_of(jnp.array([[1.0], [7.0]]), jnp.array([[0.0], [8.0]])).tolist()
        [0, 1]
    """
    centres = jnp.asarray(centres)
    origin = jnp.mean(centres, axis=0, keepdims=True)  # a far one would cost precision
    offsets, centres = jnp.asarray(samples) - origin, centres - origin
    inner = jnp.matmul(offsets, centres.T, precision="highest")
    nearest = jnp.argmin(jnp.sum(centres**2, axis=-1)[None] - 2 * inner, axis=-1)
    finite = jnp.all(jnp.isfinite(offsets), axis=-1)
    return jnp.where(finite, nearest, len(centres))


def bin_counts(
    samples: Float[Points, "n d"], centres: Float[Points, "k d"]
) -> Int[Array, " k"]:
    """Samples in each bin; one that is not finite is in none.

    Counts of disjoint batches add up to those of their union.

    Example:
        >>> import jax.numpy as jnp
        >>> samples = jnp.array([[1.0], [7.0], [2.0]])
        >>> bin_counts(samples, jnp.array([[0.0], [8.0]])).tolist()
        [2, 1]
    """
    ones = jnp.ones(len(samples), jnp.int32)
    return jax.ops.segment_sum(ones, bins_of(samples, centres), len(centres))


def bin_scores(
    real_counts: Int[Points, " k"], fake_counts: Int[Points, " k"]
) -> BinScores:
    """Share of bins that differ significantly, and the Jensen-Shannon divergence.

    With shares p of n real and q of m generated samples, and the pooled share
    P = (np + mq) / (n + m) of each bin::

        z         = (p − q) / √(P (1 − P) (1/n + 1/m))
        different = share of bins with |z| > 1.96
        js        = ½ KL(p ‖ ½(p + q)) + ½ KL(q ‖ ½(p + q))     in nats, 0 to log 2

    `different` is the number of statistically different bins (NDB) over K. A perfect
    sampler expects .05 of it and the `js_floor` of `js`, if `real_counts` are of other
    samples than those that placed the centres: the latter fill their own bins more
    evenly than chance would, and both scores come out lower. A bin that is empty on
    both sides, or holds everything, does not differ. NaN if a histogram is empty.

    Args:
        real_counts: `bin_counts` of real samples.
        fake_counts: `bin_counts` of generated samples, in the same bins.

    References:
        Richardson and Weiss, "On GANs and GMMs", 2018.

    Example:
        >>> import jax.numpy as jnp
        >>> scores = bin_scores(jnp.array([40, 30, 30]), jnp.array([42, 58, 0]))
        >>> round(float(scores.different), 4)
        0.6667
    """
    real, fake = jnp.asarray(real_counts), jnp.asarray(fake_counts)
    n, m = jnp.sum(real), jnp.sum(fake)
    p, q = real / n, fake / m
    inside, outside = (real + fake) / (n + m), (n + m - real - fake) / (n + m)
    variance = inside * outside * (1 / n + 1 / m)
    different = (variance > 0) & ((p - q) ** 2 > TWO_SIDED**2 * variance)
    middle = (p + q) / 2
    rel_entr = jax.scipy.special.rel_entr
    js = jnp.sum(rel_entr(p, middle) + rel_entr(q, middle)) / 2
    counted = (n > 0) & (m > 0)
    return BinScores(
        different=jnp.where(counted, jnp.mean(different), jnp.nan),
        js=jnp.where(counted, jnp.maximum(js, 0.0), jnp.nan),
    )


def js_floor(bins: int, n: int, m: int) -> float:
    """Expected `js` of a perfect sampler: (K − 1) / 8 · (1/n + 1/m), to first order.

    8 nm / (n + m) times the divergence is asymptotically χ² with K − 1 degrees of
    freedom, once every bin expects several samples.

    Args:
        bins: K, the bins that the data visits.
        n: number of real samples.
        m: number of generated samples.

    Raises:
        ValueError: if any of them is below one.

    Example:
        >>> js_floor(bins=101, n=5000, m=5000)
        0.005
    """
    for name, size in {"bins": bins, "n": n, "m": m}.items():
        if size < 1:
            raise ValueError(f"{name}={size}: expected at least 1.")
    return (bins - 1) / 8 * (1 / n + 1 / m)
