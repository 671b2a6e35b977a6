"""Sequences packed in a row: where they start, and what runs along each."""

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Float, Int


def starts(segments: Int[Array, "b t"]) -> Bool[Array, "b t"]:
    """Whether each token is the first of its segment, a run of one number.

    Example:
      >>> starts(jnp.array([[4, 4, 7, 7]])).tolist()
      [[True, False, True, False]]
    """
    return jnp.diff(segments, axis=1, prepend=segments[:, :1] - 1) != 0


def runs(segments: Int[Array, "b t"]) -> Int[Array, "b t"]:
    """The segments of each row, numbered from 1 in their order.

    Example:
      >>> runs(jnp.array([[4, 4, 7, 4]])).tolist()
      [[1, 1, 2, 3]]
    """
    return jnp.cumsum(starts(segments), axis=1)


def running_max(
    x: Float[Array, "b t n"], first: Bool[Array, "b t"]
) -> Float[Array, "b t n"]:
    """The largest number of a segment up to each token.

    Example:
      >>> first = jnp.array([[True, False, True]])
      >>> running_max(jnp.array([[[3.0], [1.0], [2.0]]]), first)[0, :, 0].tolist()
      [3.0, 3.0, 2.0]
    """

    def later(one, other):
        reset, before = one
        start, here = other
        joined = jnp.where(start, here, jnp.maximum(before, here))
        return reset | start, joined

    flags = jnp.broadcast_to(first[..., None], x.shape)
    return jax.lax.associative_scan(later, (flags, x), axis=1)[1]
