"""Which points may be the nearest of each, found with every pair measured once.

Distances do not depend on the order of a pair: the blocks of points stand on a circle,
and each is compared with itself and the half circle after it.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int
from jaxgen.metrics.distances import Distances, smallest
from jaxgen.metrics.rows import ENTRIES

Points = Array | np.ndarray

BLOCKS = 7  # odd; of fewer, more pairs are met twice, and of more, more is merged


def candidates(
    points: Float[Points, "n d"], count: int, distances: Distances
) -> tuple[Float[Array, "n c"], Int[Array, "n c"]]:
    """Of each point, the points that may be nearest by bounds, itself among them.

    Args:
        points: those that are not finite are nobody's candidates.
        count: how many candidates of each.
        distances: gives bounds, which are infinite for points that are not finite.

    Returns:
        What the squared distances are at least, in order, and the numbers of the points:
        of any other point the square is no less than the last. Where there are not so
        many finite points, infinity and a number that is no point's, n or above.

    Example:
        >>> from jaxgen.metrics.distances import by_products
        >>> points = jnp.repeat(jnp.array([[0.0], [1.0], [3.0]]), 8, axis=1)
        >>> candidates(points, 2, by_products)[1].tolist()
        [[0, 1], [1, 0], [2, 1]]
    """
    size, width = points.shape
    blocks = max(BLOCKS, size**2 // (2 * ENTRIES)) | 1
    rows = max(-(-size // blocks), count)
    whole = blocks * rows
    padding = ((0, whole - size), (0, 0))
    padded = jnp.pad(points, padding, constant_values=jnp.nan)
    padded = padded.reshape(blocks, rows, width)
    ahead = jnp.arange(blocks // 2 + 1)

    def step(best: tuple[Array, Array], block: Array) -> tuple:
        met = (block + ahead) % blocks
        least = distances(padded[block], padded[met].reshape(-1, width)).least
        forth, there = smallest(least, count)
        back, here = smallest(least[:, rows:].T, count)  # once with itself is enough
        first = block * rows
        found = (
            jnp.concatenate([forth, back]).reshape(-1, rows, count),
            jnp.concatenate([(first + there) % whole, first + here]),
        )
        return _merged(best, met, found), None

    shape = blocks, rows, count
    none = jnp.full(shape, jnp.inf, points.dtype), jnp.full(shape, size, jnp.int32)
    (least, numbers), _ = jax.lax.scan(step, none, jnp.arange(blocks))
    least, numbers = (x.reshape(whole, count)[:size] for x in (least, numbers))
    return least, jnp.where(jnp.isinf(least), size, numbers)


def _merged(
    best: tuple[Array, Array], met: Int[Array, " m"], found: tuple[Array, Array]
) -> tuple[Array, Array]:
    least = jnp.concatenate([best[0][met], found[0]], axis=-1)
    numbers = found[1].reshape(found[0].shape)
    numbers = jnp.concatenate([best[1][met], numbers], axis=-1)
    negative, place = jax.lax.top_k(-least, found[0].shape[-1])
    numbers = jnp.take_along_axis(numbers, place, axis=-1)
    return best[0].at[met].set(-negative), best[1].at[met].set(numbers)
