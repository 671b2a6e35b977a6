"""Nearest neighbours: precision and recall of a generator, and its near-duplicates.

Memory grows with n, not with n². Distances are sums of squared differences, so that
equal points are at distance zero to the last bit, or are bounded by products of
matrices first: `distances`. The scores are the same, the time is not.
A point that is not finite counts as infinitely far from every other.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Bool, Float, Int, Scalar
from jaxgen.metrics.candidates import candidates
from jaxgen.metrics.distances import (
    Bounds,
    Distances,
    after_smallest,
    by_differences,
    squares_between,
)
from jaxgen.metrics.rows import Told, gives_bounds, one_open, settled, told_by_rows

Points = Array | np.ndarray

BATCH = 256  # rows whose candidates are measured at once
SPARE = 3  # candidates for the k-th neighbour beyond k, in case bounds are wide

OWN, THEIRS, OPEN = 1, 2, 4  # bits of the codes of pairs


class NeighbourScores(NamedTuple):
    """Scores of generated against real points; formulas at `neighbour_scores`."""

    precision: Scalar
    recall: Scalar
    density: Scalar
    coverage: Scalar


def neighbour_distances(
    points: Float[Points, "n d"], k: int = 1, distances: Distances = by_differences
) -> Float[Array, " n"]:
    """Euclidean distance of each point to the k-th nearest of the others.

    Args:
        points: at least k + 1.
        k: which neighbour.
        distances: how to find it; `by_products` is faster in many dimensions.

    Raises:
        ValueError: if there are not k others, or k is below one.

    Example:
        >>> import jax.numpy as jnp
        >>> neighbour_distances(jnp.array([[0.0], [1.0], [3.0]])).tolist()
        [1.0, 1.0, 2.0]
    """
    _refuse_few(points.shape[0], k, "points")
    return jnp.sqrt(_neighbour_squares(points, k, distances))


def neighbour_scores(
    real: Float[Points, "n d"],
    fake: Float[Points, "m d"],
    k: int = 5,
    distances: Distances = by_differences,
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
    A distance that equals a radius other than zero, as copies of real data have, is
    inside or outside as both were rounded, which `by_differences` does alike.

    Args:
        real: features of real samples.
        fake: features of generated samples, in the same space.
        k: which neighbour sets the radius; 3 and 5 are usual.
        distances: how to compare; `by_products` is faster in many dimensions.

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
    real, fake = jnp.asarray(real), jnp.asarray(fake)
    real_squares, fake_squares = (
        _neighbour_squares(points, k, distances) for points in (real, fake)
    )

    def balls(found: Array | Bounds, rows: Int[Array, " b"]) -> Told:
        own, theirs = real_squares[rows][:, None], fake_squares[None]
        if not isinstance(found, Bounds):
            return _in_balls(found < own, found < theirs)
        codes = _codes(found, own, theirs)
        place, left = one_open(codes > OPEN)
        exact = squares_between(real[rows], fake[place])[:, None]
        in_own = jnp.where(codes > OPEN, exact < own, codes & OWN > 0)
        in_theirs = jnp.where(codes > OPEN, exact < theirs, codes & THEIRS > 0)
        return _in_balls(in_own, in_theirs)._replace(open=left)

    (recalled, covered), around = told_by_rows(balls, real, fake, distances)
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


def _in_balls(own: Bool[Array, "b m"], theirs: Bool[Array, "b m"]) -> Told:
    recalled, covered = jnp.any(theirs, axis=1), jnp.any(own, axis=1)
    return Told((recalled, covered), own, jnp.zeros(own.shape[:1], bool))


def _codes(found: Bounds, own: Array, theirs: Array) -> Int[Array, "b m"]:
    # bits of what is certain, and above OPEN where the bounds enclose a radius: one
    # byte in place of two numbers, as memory is what the comparisons wait for
    surely, maybe = (
        jnp.where(squares < own, OWN, 0) | jnp.where(squares < theirs, THEIRS, 0)
        for squares in (found.most, found.least)
    )
    codes = surely | jnp.where(surely == maybe, 0, 2 * OPEN)
    return jax.lax.optimization_barrier(codes.astype(jnp.int8))


def _neighbour_squares(
    points: Float[Points, "n d"], k: int, distances: Distances
) -> Float[Array, " n"]:
    points = jnp.asarray(points)

    def neighbour(squares: Array, rows: Int[Array, " b"]) -> Told:
        # one of the k is itself
        return Told(after_smallest(squares, k), (), jnp.zeros(rows.shape, bool))

    if not gives_bounds(distances, points, points):
        return told_by_rows(neighbour, points, points, distances)[0]
    least, numbers = candidates(points, k + 1 + SPARE, distances)

    def measured(row: Int[Array, ""]) -> Float[Array, " c"]:
        near = points.at[numbers[row]].get(mode="fill", fill_value=jnp.nan)
        return squares_between(near, points[row][None])

    rows = jnp.arange(len(points))
    squares = after_smallest(jax.lax.map(measured, rows, batch_size=BATCH), k)
    # no other point can be nearer than the last candidate may be
    left = (squares > 0) & (squares > least[:, -1])
    return settled(neighbour, points, points, squares, (), left)[0]


def _refuse_few(size: int, k: int, name: str) -> None:
    if k < 1:
        raise ValueError(f"k={k}: expected at least 1, the nearest neighbour.")
    if size <= k:
        raise ValueError(
            f"{name} has {size} points: neighbour k={k} needs more than {k}; "
            "pass more points or a smaller k."
        )
