"""Hashes of vectors that are alike, and the order they bring tokens into.

A round of hashing gives each token of a head a bucket, and a place: in the order of
(sequence, bucket, index) places grow by one from token to token, and by more than a
window from bucket to bucket. So the difference of two places tells who sees whom.
"""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int
from jaxgen.attention.segments import runs
from jaxgen.attention.tiles import accumulator


@lru_cache
def drawn_rotations(
    heads: int, width: int, rounds: int, buckets: int, seed: int
) -> np.ndarray:
    """Normal numbers, (heads, width, rounds, buckets / 2)."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(heads, width, rounds, buckets // 2))


def buckets_of(
    vectors: Float[Array, "b t h"], rotation: Float[Array, "h m"]
) -> Int[Array, "b t"]:
    """The bucket of each vector: where ``[x R, -x R]`` is largest.

    References:
      Andoni et al., 2015, *Practical and optimal LSH for angular distance*, section 1.

    Example:
      >>> around = jnp.array([[[2.0, 1.0], [1.0, 2.0], [-2.0, 1.0], [1.0, -2.0]]])
      >>> buckets_of(around, jnp.eye(2)).tolist()
      [[0, 1, 2, 3]]
    """
    x = jax.lax.stop_gradient(vectors.astype(accumulator(vectors)))
    # products that an accelerator rounds to bfloat16 would be another hash
    rotated = jnp.matmul(x, rotation.astype(x.dtype), precision="highest")
    largest = jnp.argmax(jnp.abs(rotated), -1, keepdims=True)
    opposite = jnp.take_along_axis(rotated, largest, -1) < 0
    return (largest + rotation.shape[-1] * opposite)[..., 0]


def places_of(
    group: Int[Array, "b t"], order: Int[Array, "b t"], window: int
) -> Int[Array, "b t"]:
    """Places in this order, one apart in a group and more than a window between two.

    They start beyond a window, so that none sees the zeros that fill up a chunk.

    Example:
      >>> group = jnp.array([[7, 2, 7, 2]])
      >>> places_of(group, jnp.argsort(group), window=10).tolist()
      [[23, 11, 24, 12]]
    """
    number = runs(jnp.take_along_axis(group, order, 1))
    in_order = 1 + jnp.arange(group.shape[1])[None] + window * number
    return jnp.take_along_axis(in_order, jnp.argsort(order, axis=1), 1)
