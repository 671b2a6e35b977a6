"""Clusters of points: where they may start, and where k-means leads from there."""

from math import log

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Float, Key


def spread_out(
    key: Key, codes: Float[Array, "n z"], count: int
) -> Float[Array, "{count} z"]:
    """Points that lie far apart: k-means++, the best of some candidates at each step.

    Each candidate is chosen by its squared distance to those before; the one kept leaves
    the smallest sum of squared distances.

    References:
      Arthur and Vassilvitskii, 2007, *k-means++: the advantages of careful seeding*,
      sections 2.2 and 7.
    """
    first, rest = jax.random.split(key)
    one = codes[jax.random.randint(first, (), 0, len(codes))]
    candidates = 2 + int(log(count))

    def choose(nearest, key):
        drawn = jax.random.categorical(key, jnp.log(nearest), shape=(candidates,))
        closer = jnp.minimum(nearest[None], squared_distances(codes[drawn], codes))
        best = closer.sum(1).argmin()
        return closer[best], codes[drawn[best]]

    keys = jax.random.split(rest, count - 1)
    others = lax.scan(choose, squared_distances(one[None], codes)[0], keys)[1]
    return jnp.concatenate([one[None], others])


def gathered(
    codes: Float[Array, "n z"], centres: Float[Array, "m z"], steps: int
) -> Float[Array, "n m"]:
    """Which centre each point is nearest to, one or zero, after some steps of k-means.

    References:
      Lloyd, 1982, *Least squares quantization in PCM*.
    """

    def nearest(centres):
        closest = squared_distances(centres, codes).argmin(0)
        return jax.nn.one_hot(closest, len(centres), dtype=codes.dtype)

    def step(_, centres):
        member = nearest(centres)
        total = jnp.einsum("nm,nz->mz", member, codes, precision="highest")
        count = member.sum(0)[:, None]
        return jnp.where(count > 0, total / jnp.maximum(count, 1.0), centres)

    return nearest(lax.fori_loop(0, steps, step, centres))


def squared_distances(
    some: Float[Array, "m z"], others: Float[Array, "n z"]
) -> Float[Array, "m n"]:
    """Of each point to each of the others."""
    return ((some[:, None] - others[None]) ** 2).sum(-1)
