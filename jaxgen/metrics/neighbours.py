"""Nearest neighbours: precision and recall of a generator, and its near-duplicates.

Distances are sums of squared differences, so that equal points are at distance zero
to the last bit, which |x|² + |y|² − 2xy is not; memory grows with n, not with n².
A point that is not finite counts as infinitely far from every other.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Scalar

Points = Array | np.ndarray

ROWS = 16  # points whose distances to all others are held at once


class NeighbourScores(NamedTuple):
    """Scores of generated against real points; formulas at `neighbour_scores`."""

    precision: Scalar
    recall: Scalar
    density: Scalar
    coverage: Scalar


def neighbour_distances(points: Float[Points, "n d"], k: int = 1) -> Float[Array, " n"]:
    """Euclidean distance of each point to the k-th nearest of the others.

    Raises:
        ValueError: if there are not k others, or k is below one.

    Example:
        >>> import jax.numpy as jnp
        >>> neighbour_distances(jnp.array([[0.0], [1.0], [3.0]])).tolist()
        [1.0, 1.0, 2.0]
    """
    _refuse_few(points.shape[0], k, "points")

    def distance(point: Float[Array, " d"]) -> Scalar:
        return _after_smallest(_distances(point, points), k)  # one of the k is itself

    return jax.lax.map(distance, points, batch_size=ROWS)


def neighbour_scores(
    real: Float[Points, "n d"], fake: Float[Points, "m d"], k: int = 5
) -> NeighbourScores:
    """Precision, recall, density and coverage of generated points.

    The ball B(x) of a point holds what is nearer than the k-th nearest other point of
    its own set::

        precision = share of fake points in some real ball
        recall    = share of real points in some fake ball
        density   = mean over fake y of #{real x : y in B(x)} / k
        coverage  = share of real balls that hold a fake point

    A perfect generator expects a density of 1 and the coverage of
    `coverage_expectation`. One that collapses onto a few typical points keeps its
    precision, often its density, and loses recall and coverage. One that collapses
    onto the mean of data in many dimensions loses recall alone: the mean lies in
    almost every real ball, and covers them all.

    Balls are open (strict <), as in the authors' code of density and coverage. Others
    close them (≤), and then ties count: if every fake point has k exact copies,
    fake balls have radius zero, and are empty here but hold their own centre there.

    Args:
        real: features of real samples.
        fake: features of generated samples, in the same space.
        k: which neighbour sets the radius; 3 and 5 are usual.

    Returns:
        Scores in [0, 1], except density, which may exceed 1.

    Raises:
        ValueError: if k is below one, or either set has no more than k points.

    References:
        Kynkäänniemi et al., "Improved precision and recall metric for assessing
        generative models", 2019; Naeem et al., "Reliable fidelity and diversity
        metrics for generative models", 2020.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> real = jax.random.normal(jax.random.key(0), (64, 2))
        >>> scores = jax.jit(neighbour_scores)(real, jnp.zeros((32, 2)))
        >>> float(scores.precision), float(scores.recall)
        (1.0, 0.0)
    """
    _refuse_few(real.shape[0], k, "real")
    _refuse_few(fake.shape[0], k, "fake")
    real_radii, fake_radii = neighbour_distances(real, k), neighbour_distances(fake, k)

    def balls_around(point: Float[Array, " d"]) -> Array:
        return jnp.sum(_distances(point, real) < real_radii)

    def is_recalled_and_covered(ball: tuple[Array, Array]) -> tuple[Array, Array]:
        distances = _distances(ball[0], fake)
        return jnp.any(distances < fake_radii), jnp.any(distances < ball[1])

    around = jax.lax.map(balls_around, fake, batch_size=ROWS)
    recalled, covered = jax.lax.map(
        is_recalled_and_covered, (real, real_radii), batch_size=ROWS
    )
    return NeighbourScores(
        precision=jnp.mean(around > 0),
        recall=jnp.mean(recalled),
        density=jnp.mean(around / k),
        coverage=jnp.mean(covered),
    )


def coverage_expectation(n: int, m: int, k: int) -> float:
    """Expected coverage of a perfect sampler, whatever the distribution.

    1 − Π_{i<k} (n − 1 − i) / (n + m − 1 − i): a real ball is empty when the k points
    nearest its centre, among n − 1 real and m fake ones, are all real.

    Args:
        n: number of real points.
        m: number of generated points.
        k: which neighbour sets the radius.

    Raises:
        ValueError: if k or m is below one, or n is no more than k.

    References:
        Naeem et al., "Reliable fidelity and diversity metrics for generative models",
        2020.

    Example:
        >>> round(coverage_expectation(2000, 2000, 5), 4)
        0.9689
    """
    _refuse_few(n, k, "n")
    if m < 1:
        raise ValueError(f"m={m}: expected at least one generated point.")
    return 1.0 - math.prod((n - 1 - i) / (n + m - 1 - i) for i in range(k))


def duplicate_radius(real: Float[Points, "n d"], quantile: float = 0.05) -> Scalar:
    """The distance below which two samples are near-duplicates.

    The quantile of nearest-neighbour distances within real data, each point left out
    of its own neighbours. They shrink as n grows, so take as many real points as
    `near_duplicate_rate` will see generated ones.

    Args:
        real: features of real samples, at least two.
        quantile: share of real samples to be called near-duplicates, in [0, 1].

    Raises:
        ValueError: for a quantile outside [0, 1], or fewer than two points.
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile={quantile}: expected a share in [0, 1].")
    _refuse_few(real.shape[0], 1, "real")
    return jnp.quantile(neighbour_distances(real), quantile)


def near_duplicate_rate(
    samples: Float[Points, "n d"], radius: float | Scalar
) -> Scalar:
    """Share of samples that have another sample within the radius (≤).

    With the radius of `duplicate_radius` at the same n, a perfect sampler scores about
    the quantile chosen there, and a generator of few distinct outputs scores 1. At
    radius zero it is the share of samples that have an exact copy.

    Args:
        samples: features of generated samples, at least two.
        radius: a distance in the same units.

    Raises:
        ValueError: for fewer than two samples.

    Example:
        >>> import jax.numpy as jnp
        >>> samples = jnp.array([[0.0], [0.1], [1.0], [2.0]])
        >>> float(near_duplicate_rate(samples, radius=0.2))
        0.5
    """
    _refuse_few(samples.shape[0], 1, "samples")
    return jnp.mean(neighbour_distances(samples) <= radius)


def _distances(
    point: Float[Array, " d"], others: Float[Points, "n d"]
) -> Float[Array, " n"]:
    distances = jnp.sqrt(jnp.sum((jnp.asarray(others) - point[None]) ** 2, axis=-1))
    return jnp.where(jnp.isnan(distances), jnp.inf, distances)


def _after_smallest(values: Float[Array, " n"], k: int) -> Scalar:
    # Climbs from distinct value to distinct value until more than k are no larger:
    # for small k a tenth of the time of a sort, which is what top_k may compile to.
    def climb(_, value: Scalar) -> Scalar:
        above = jnp.min(values, where=values > value, initial=jnp.inf)
        return jnp.where(jnp.sum(values <= value) > k, value, above)

    return jax.lax.fori_loop(0, k, climb, jnp.min(values))


def _refuse_few(size: int, k: int, name: str) -> None:
    if k < 1:
        raise ValueError(f"k={k}: expected at least 1, the nearest neighbour.")
    if size <= k:
        raise ValueError(
            f"{name} has {size} points: neighbour k={k} needs more than {k}; "
            "pass more points or a smaller k."
        )
