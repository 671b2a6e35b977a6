"""Memorization: whether a generator gives back the samples it was trained on.

Both scores compare a distance to the training set with one that a fresh sample would
have; neither asks whether the samples are good, and noise memorizes nothing.
Distances are sums of squared differences, so that a copy is at distance zero to the
last bit. A point that is not finite counts as infinitely far from every other.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special

from jaxgen.arrays import Array, Float, Int, Scalar
from jaxgen.metrics.bins import bins_of
from jaxgen.metrics.distances import squares_between
from jaxgen.metrics.neighbours import neighbour_distances

Points = Array | np.ndarray

ROWS = 16  # points whose distances to all others are held at once


class CopyingScores(NamedTuple):
    """Scores of generated against held-out samples; formulas at `copying_scores`."""

    score: Scalar
    by_cell: Float[Array, " k"]
    share: Scalar


def nearest_distances(
    queries: Float[Points, "n d"], points: Float[Points, "m d"]
) -> Float[Array, " n"]:
    """Euclidean distance of each query to the nearest of the points.

    Raises:
        ValueError: if there are no points.

    Example:
        >>> import jax.numpy as jnp
        >>> nearest_distances(jnp.array([[0.5], [4.0]]), jnp.array([[0.0], [3.0]])).tolist()
        [0.5, 1.0]
    """
    return _nearest(queries, points)[0]


def authenticity(train: Float[Points, "n d"], fake: Float[Points, "m d"]) -> Scalar:
    """Share of generated samples that are no near-copy of a training sample.

    With x* the training sample nearest to y, and r(x*) its distance to the nearest
    other training sample, the share of y with ‖y − x*‖ > r(x*). Exact copies score 0
    and noise 1; a perfect sampler scores `authenticity_expectation`, well below 1.

    Args:
        train: features of the training samples, at least two.
        fake: features of generated samples, in the same space.

    Raises:
        ValueError: for fewer than two training samples.

    References:
        Alaa et al., "How faithful is your synthetic data?", 2022.

    Example:
        >>> import jax.numpy as jnp
        >>> train = jnp.array([[0.0], [1.0], [3.0]])
        >>> float(authenticity(train, jnp.array([[3.5], [-1.5], [0.0], [9.0]])))
        0.5
    """
    if train.shape[0] < 2:
        raise ValueError(
            f"train has {train.shape[0]} points: expected two or more, so that each "
            "has a neighbour."
        )
    distances, nearest = _nearest(fake, train)
    return jnp.mean(distances > neighbour_distances(train)[nearest])


def authenticity_expectation(dimension: int) -> float:
    """Expected `authenticity` of a perfect sampler on many training samples.

    1 − 1 / (2 − I_{3/4}((d + 1)/2, 1/2)) with I the regularised incomplete beta
    function, the share that two unit balls at distance one have in common. A fresh
    sample y is authentic unless y and x* are each nearest to the other: then no third
    point lies in the union of two such balls. One third on a line, near one half in
    many dimensions.

    Args:
        dimension: d, of the space on which the data has a density.

    Raises:
        ValueError: if the dimension is below one.

    References:
        Cox, "Reflexive nearest neighbours", 1981.

    Example:
        >>> round(authenticity_expectation(1), 4), round(authenticity_expectation(2), 4)
        (0.3333, 0.3785)
    """
    if dimension < 1:
        raise ValueError(f"dimension={dimension}: expected at least 1.")
    common = scipy.special.betainc((dimension + 1) / 2, 0.5, 0.75)
    return float(1 - 1 / (2 - common))


def copying_scores(
    train: Float[Points, "l d"],
    test: Float[Points, "n d"],
    fake: Float[Points, "m d"],
    centres: Float[Points, "k d"],
    least: int = 20,
) -> CopyingScores:
    """Data-copying test C_T: is generated data nearer to training data than test data is?

    In each cell around a centre, with n test and m generated samples and their
    distances t and g to the nearest training sample of that cell::

        U     = #{pairs with g > t} + ½ #{pairs with g = t}
        Z     = (U − nm/2 + ½) / √(nm (n + m + 1) / 12)
        score = mean of Z, weighted by n, over the cells that have `least` of both

    Far below zero for copies and far above for samples that miss the data. If test
    and generated samples are of one distribution, each Z is nearly standard normal
    and the score has variance Σ w² of its weights, 1 / K for K equal cells.

    Args:
        train: features of the training samples.
        test: features of samples of the same distribution that were not trained on.
        fake: features of generated samples.
        centres: of the cells, as from `bins.centres_of` on training samples.
        least: test and generated samples that a cell needs to be scored.

    Returns:
        C_T, NaN without a scored cell; Z of each cell, NaN where not scored; and the
        share of test samples in scored cells, without which C_T says little.

    Raises:
        ValueError: if least is below one.

    References:
        Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying
        in generative models", 2020.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> train, test = jax.random.normal(jax.random.key(0), (2, 64, 2))
        >>> scores = copying_scores(train, test, fake=train, centres=jnp.zeros((1, 2)))
        >>> bool(scores.score < -9), float(scores.share)
        (True, 1.0)
    """
    if least < 1:
        raise ValueError(f"least={least}: expected at least 1.")
    trained, tested, made = (_celled(x, centres) for x in (train, test, fake))
    n, m = _sizes(tested, len(centres)), _sizes(made, len(centres))
    excess = _excess_of_u(trained, tested, made, len(centres))
    z = (excess + 0.5) / jnp.sqrt(jnp.maximum(n * m, 1) * (n + m + 1) / 12)
    scored = (_sizes(trained, len(centres)) > 0) & (n >= least) & (m >= least)
    weights = jnp.where(scored, n, 0.0)
    return CopyingScores(
        score=jnp.sum(weights * z) / jnp.sum(weights),
        by_cell=jnp.where(scored, z, jnp.nan),
        share=jnp.sum(weights) / len(test),
    )


def _nearest(
    queries: Float[Points, "n d"], points: Float[Points, "m d"]
) -> tuple[Float[Array, " n"], Int[Array, " n"]]:
    if points.shape[0] < 1:
        raise ValueError("points has 0 rows: expected at least one.")
    points = jnp.asarray(points)

    def nearest(query: Float[Array, " d"]) -> tuple[Scalar, Int[Array, ""]]:
        squares = squares_between(points, query[None])
        return jnp.sqrt(jnp.min(squares)), jnp.argmin(squares)

    return jax.lax.map(nearest, jnp.asarray(queries), batch_size=ROWS)


class _Celled(NamedTuple):
    points: Float[Array, "n d"]
    cells: Int[Array, " n"]


def _celled(points: Float[Points, "n d"], centres: Float[Points, "k d"]) -> _Celled:
    return _Celled(jnp.asarray(points), bins_of(points, centres))


def _sizes(group: _Celled, cells: int) -> Float[Array, " k"]:
    # real numbers, as products of two sizes leave the range of integers
    return jax.ops.segment_sum(jnp.ones(len(group.cells)), group.cells, cells)


def _distances_within(queries: _Celled, points: _Celled) -> Float[Array, " n"]:
    def nearest(query: _Celled) -> Scalar:
        squares = squares_between(points.points, query.points[None])
        return jnp.min(jnp.where(points.cells == query.cells, squares, jnp.inf))

    return jnp.sqrt(jax.lax.map(nearest, queries, batch_size=ROWS))


def _excess_of_u(
    trained: _Celled, tested: _Celled, made: _Celled, cells: int
) -> Float[Array, " k"]:
    # U − nm/2 of each cell as half of #{g > t} − #{g < t}: U itself would round
    usual, own = _distances_within(tested, trained), _distances_within(made, trained)

    def lead(sample: tuple[Scalar, Int[Array, ""]]) -> Scalar:
        distance, cell = sample
        signs = (distance > usual) * 1.0 - (distance < usual)
        return jnp.sum(jnp.where(tested.cells == cell, signs, 0.0)) / 2

    leads = jax.lax.map(lead, (own, made.cells), batch_size=ROWS)
    return jax.ops.segment_sum(leads, made.cells, cells)
