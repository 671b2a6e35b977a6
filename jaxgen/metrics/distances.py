"""Distances between two sets of points, block by block and never all at once.

A way to measure is a function of a block of rows and of all the points they are
compared with. It answers with squared distances, or with bounds on them: what the
bounds leave open is then measured again by differences, so that every way gives the
same scores and only the time differs.
"""

import math
from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int

Points = Array | np.ndarray


FEW = 8  # dimensions, in fewer of which a product gains nothing
FIXED, GROWTH = 8.0, 2.0  # of errors: twice the worst seen, of sums of equal terms
LOOKUP = 4  # what it takes to look up a value, in those that are passed in a search


class Bounds(NamedTuple):
    """Between what the squared distances lie, of a block of rows to all others."""

    least: Float[Array, "b n"]
    most: Float[Array, "b n"]


Distances = Callable[[Float[Array, "b d"], Float[Array, "n d"]], Any]
"""Of a block of rows to all others: squares, an array (b, n), or `Bounds` of them."""


def by_differences(
    block: Float[Points, "b d"], others: Float[Points, "n d"]
) -> Float[Array, "b n"]:
    """Squared Euclidean distances as sums of squared differences.

    Equal points are at distance zero to the last bit. A point that is not finite is
    infinitely far from every other.

    Args:
        block: some points.
        others: all those they are compared with.

    Example:
        >>> import jax.numpy as jnp
        >>> by_differences(jnp.zeros((1, 2)), jnp.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[25.0, 0.0]]
    """
    block, others = jnp.asarray(block), jnp.asarray(others)
    squares = jnp.sum((others[None] - block[:, None]) ** 2, axis=-1)
    return jnp.where(jnp.isnan(squares), jnp.inf, squares)


def by_products(
    block: Float[Points, "b d"], others: Float[Points, "n d"]
) -> Bounds | Float[Array, "b n"]:
    """Bounds of squared Euclidean distances, by a product of matrices.

    With both sets moved so that the mean of the finite others is the origin::

        |x − y|² = (|x|² + |y|²)(1 ± τ) − 2 x·y,  at least zero,  τ = (8 + 2√d) ε

    with ε the spacing of numbers at one. In hundreds of dimensions several times as
    fast as `by_differences`, but for sets in which many distances are less than √τ
    times that from the mean: those are measured twice. Below eight dimensions there
    is nothing to gain, and the squares are those of `by_differences`.

    Args:
        block: some points, of norms whose squares are in the range of their dtype.
        others: all those they are compared with.

    Example:
        >>> import jax.numpy as jnp
        >>> least, most = by_products(jnp.zeros((1, 9)), jnp.full((2, 9), 3.0))
        >>> bool(least[0, 0] < 81 < most[0, 0])
        True
    """
    block, others = jnp.asarray(block), jnp.asarray(others)
    if block.shape[1] < FEW:
        return by_differences(block, others)
    finite = jnp.all(jnp.isfinite(others), axis=1)
    centre = jnp.mean(others, axis=0, where=finite[:, None], keepdims=True)
    centre = jnp.nan_to_num(centre)
    (block, ours), (others, theirs) = (_moved(x, centre) for x in (block, others))
    products = 2 * jnp.matmul(block, others.T, precision="highest")
    norms = ours[:, None] + theirs[None]
    error = (FIXED + GROWTH * block.shape[1] ** 0.5) * jnp.finfo(block.dtype).eps
    return Bounds(
        jnp.maximum((1 - error) * norms - products, 0),
        jnp.maximum((1 + error) * norms - products, 0),
    )


def _moved(points: Float[Array, "n d"], centre: Float[Array, "1 d"]) -> tuple:
    # a point that is not finite becomes the origin, with an infinite norm
    finite = jnp.all(jnp.isfinite(points), axis=1)
    points = jnp.where(finite[:, None], points - centre, 0.0)
    return points, jnp.where(finite, jnp.sum(points**2, axis=1), jnp.inf)


def squares_between(
    first: Float[Array, "... d"], second: Float[Array, "... d"]
) -> Float[Array, "..."]:
    """Squared distance of each first point to its second; infinite if not finite."""
    squares = jnp.sum((first - second) ** 2, axis=-1)
    return jnp.where(jnp.isnan(squares), jnp.inf, squares)


def smallest(
    values: Float[Array, "b n"], count: int
) -> tuple[Float[Array, "b c"], Int[Array, "b c"]]:
    """The smallest of each row, in order, and where they are.

    They lie in the groups of the smallest minima, which one pass finds; a search
    through all would take several times as long.

    Args:
        values: of which none is NaN.
        count: how many, or all if there are fewer.

    Example:
        >>> import jax.numpy as jnp
        >>> smallest(jnp.array([[3.0, 1.0, 2.0]]), 2)[1].tolist()
        [[1, 2]]
    """
    rows, size = values.shape
    count = min(count, size)
    groups = min(math.isqrt(LOOKUP * size * count), size)
    layers = [values[:, start : start + groups] for start in range(0, size, groups)]
    rest = (0, 0), (0, groups - layers[-1].shape[1])
    layers[-1] = jnp.pad(layers[-1], rest, constant_values=jnp.inf)
    _, best = jax.lax.top_k(-reduce(jnp.minimum, layers), count)
    # by layers, so that what stands in for the rest is last, and never chosen
    where = groups * jnp.arange(len(layers))[None, :, None] + best[:, None]
    where = where.reshape(rows, -1)
    chosen = jnp.take_along_axis(values, where, axis=1, mode="fill", fill_value=jnp.inf)
    least, place = jax.lax.top_k(-chosen, count)
    return -least, jnp.take_along_axis(where, place, axis=1)


def after_smallest(values: Float[Array, "b n"], k: int) -> Float[Array, " b"]:
    """The value of each row that has k before it in order.

    Climbs from distinct value to distinct value until more than k are no larger: for
    small k a tenth of the time of a sort, which is what top_k may compile to.

    Example:
        >>> import jax.numpy as jnp
        >>> after_smallest(jnp.array([[3.0, 1.0, 2.0]]), 1).tolist()
        [2.0]
    """

    def climb(_, value: Float[Array, " b"]) -> Float[Array, " b"]:
        own = value[:, None]
        above = jnp.min(values, axis=1, where=values > own, initial=jnp.inf)
        return jnp.where(jnp.sum(values <= own, axis=1) > k, value, above)

    return jax.lax.fori_loop(0, k, climb, jnp.min(values, axis=1))
