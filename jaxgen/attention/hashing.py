"""Attention of tokens that are alike, found by hashes: linear but for sorting.

A round of hashing gives each token of a head a bucket, and a place: in the order of
(sequence, bucket, index) places grow by one from token to token, and by more than a
window from bucket to bucket. So the difference of two places tells who sees whom.
"""

from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Bool, Float, Int
from jaxgen.attention.blocked import cut, reordered, uncut
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.segments import runs
from jaxgen.attention.tiles import Attended, accumulator, attended_tile, merged


class Reach(NamedTuple):
    """How far a token sees in its bucket.

    Attributes:
      window: tokens, on each side.
      causal: whether it sees only those before it.
    """

    window: int
    causal: bool

    def sees(
        self, query: Int[Array, "b c q"], key: Int[Array, "b c k"]
    ) -> Bool[Array, "b c q k"]:
        """Whether queries of these places see keys of those: never themselves."""
        gap = query[..., :, None] - key[..., None, :]
        return (jnp.abs(gap) <= self.window) & (gap > 0 if self.causal else gap != 0)

    def chunks(self, length: int) -> tuple[int, ...]:
        """Which chunks of a window a chunk of queries looks at, from its own."""
        most = -(-length // self.window) - 1
        return tuple(n for n in ((-1, 0) if self.causal else (-1, 0, 1)) if n <= most)


class Token(NamedTuple):
    """What rounds of hashing know of each token of a head.

    Attributes:
      query: times the key, a logit.
      scale: brings the query to length one, which makes it the key.
      value: of the key.
      place: in each round, 1 or more.
      here: the place in the round at hand.
    """

    query: Float[Array, "*t h"]
    scale: Float[Array, "*t"]
    value: Float[Array, "*t v"]
    place: Int[Array, "*t r"]
    here: Int[Array, "*t"]


def attended_by_hash(
    query: Float[Array, "b t n h"],
    value: Float[Array, "b t n v"],
    sequence: Int[Array, "b t"],
    rotations: Float[Array, "n h r m"],
    reach: Reach,
) -> Float[Array, "b t n v"]:
    """The mean of the values that each token sees in any round of hashing.

    Token i sees j in a round where both are of one sequence and bucket, and at most
    ``window`` tokens of that bucket apart. Over all rounds ``S_i``, without itself::

        y_i = sum_(j in S_i) exp(q_i . k_j) v_j / sum_(j in S_i) exp(q_i . k_j)

    with ``k_j = q_j / |q_j|``; and ``y_i = v_i`` where ``S_i`` is empty. A key seen in N
    rounds has ``log N`` less in each, so that it counts once.

    Args:
      query: its own key, once it is brought to length one.
      value: of the key.
      sequence: which of its row a token is of, of any numbers.
      rotations: of each head, m vectors for each of r rounds.
      reach: how far a token sees.

    Returns:
      The means, in float32 or more.

    References:
      Kitaev et al., 2020, *Reformer: the efficient transformer*, equations 3 and 4; a
      key of several rounds: appendix A.
    """
    reach = reach._replace(window=min(reach.window, query.shape[1]))
    heads = jax.vmap(partial(attended_head, reach=reach), (2, 2, None, 0), 2)
    return heads(query, value, sequence, rotations)


def attended_head(
    query: Float[Array, "b t h"],
    value: Float[Array, "b t v"],
    sequence: Int[Array, "b t"],
    rotations: Float[Array, "h r m"],
    reach: Reach,
) -> Float[Array, "b t v"]:
    """`attended_by_hash` of one head, round by round; backward, each is made again."""
    bucket = buckets_of(query, rotations)
    group = sequence[None] * (2 * rotations.shape[-1]) + bucket
    order = jnp.argsort(group, axis=-1)
    place = jax.vmap(partial(places_of, window=reach.window))(group, order)
    scale, places = inverse_length(query), jnp.moveaxis(place, 0, -1)

    @partial(jax.checkpoint, prevent_cse=False)
    def step(found, of_round):
        here, order = of_round
        tokens = Token(query, scale, value, places, here)
        return merged(found, attended_in_round(tokens, order, reach)), None

    sums = jnp.zeros(value.shape, scale.dtype)
    nothing = Attended(sums, jnp.full_like(scale, -jnp.inf))
    found, _ = jax.lax.scan(step, nothing, (place, order))
    alone = jnp.isneginf(found.log_sum_exp)[..., None]
    return jnp.where(alone, value.astype(scale.dtype), found.output)


def buckets_of(
    vectors: Float[Array, "b t h"], rotations: Float[Array, "h r m"]
) -> Int[Array, "r b t"]:
    """The bucket of each vector in each round: where ``[x R, -x R]`` is largest.

    References:
      Andoni et al., 2015, *Practical and optimal LSH for angular distance*, section 1.

    Example:
      >>> plane = jnp.array([[[1.0, 0.0], [0.0, 1.0]]]).swapaxes(0, 1)
      >>> around = jnp.array([[[2.0, 1.0], [1.0, 2.0], [-2.0, 1.0], [1.0, -2.0]]])
      >>> buckets_of(around, plane).tolist()
      [[[0, 1, 2, 3]]]
    """
    x = jax.lax.stop_gradient(vectors.astype(accumulator(vectors)))
    rotated = jnp.einsum(
        "bth,hrm->rbtm", x, rotations.astype(x.dtype), precision="highest"
    )
    return jnp.argmax(jnp.concatenate([rotated, -rotated], -1), -1)


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


def inverse_length(vectors: Float[Array, "b t h"]) -> Float[Array, "b t"]:
    """``1 / |x|``; vectors shorter than a millionth have that of a millionth."""
    squares = (vectors.astype(accumulator(vectors)) ** 2).sum(-1)
    return jax.lax.rsqrt(jnp.maximum(squares, 1e-12))


def attended_in_round(
    tokens: Token, order: Int[Array, "b t"], reach: Reach
) -> Attended:
    """Attention of one round: chunks of a window look at themselves and those beside."""
    length = order.shape[1]
    query = jax.tree.map(lambda x: cut(reordered(x, order), reach.window), tokens)
    key = jax.tree.map(partial(beside, offsets=reach.chunks(length)), query)
    scores = logits(query, key, reach)
    found = jax.vmap(attended_tile)(scores[:, :, None], key.value[:, :, :, None])
    back = jnp.argsort(order, axis=1)
    return jax.tree.map(lambda x: reordered(uncut(x[:, :, 0], length), back), found)


def logits(query: Token, key: Token, reach: Reach) -> Float[Array, "b c q k"]:
    """Of all pairs of each chunk, less the logarithm of the rounds that see a pair."""
    products = jnp.einsum(
        "bcqh,bckh->bcqk",
        query.query,
        key.query,
        preferred_element_type=query.scale.dtype,
    )
    places = (jnp.moveaxis(side.place, -1, 0) for side in (query, key))
    rounds = sum(map(reach.sees, *places), jnp.zeros(products.shape, jnp.int32))
    share = jnp.log(jnp.maximum(rounds, 1).astype(products.dtype))
    seen = reach.sees(query.here, key.here)
    return jnp.where(seen, products * key.scale[..., None, :] - share, -jnp.inf)


def beside(chunks: Array, offsets: tuple[int, ...]) -> Array:
    """Chunks (b, c, s, ...) with those so many further, (b, c, n s, ...); zeros beyond.

    Example:
      >>> beside(jnp.array([[[1], [2], [3]]]), (-1, 0)).tolist()
      [[[0, 1], [1, 2], [2, 3]]]
    """
    count = chunks.shape[1]
    ends = [(1 if axis == 1 else 0,) * 2 for axis in range(chunks.ndim)]
    padded = jnp.pad(chunks, ends)
    looked_at = [padded[:, 1 + n : 1 + n + count] for n in offsets]
    return jnp.concatenate(looked_at, axis=2)


@lru_cache
def drawn_rotations(
    heads: int, width: int, rounds: int, buckets: int, seed: int
) -> np.ndarray:
    """Normal numbers, (heads, width, rounds, buckets / 2)."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(heads, width, rounds, buckets // 2))


def cost_by_hash(
    rows: int,
    heads: int,
    length: int,
    width: int,
    rounds: int,
    buckets: int,
    reach: Reach,
) -> Work:
    """Work of `attended_by_hash` of so many rows; values are as wide as queries."""
    size = min(reach.window, length)
    keys = size * len(reach._replace(window=size).chunks(length))
    hashed = matrix_product(rows * length, width, rounds * buckets // 2, batch=heads)
    pairs = matrix_product(size, width, keys) + matrix_product(size, keys, width)
    return hashed + pairs * (rows * heads * rounds * -(-length // size))
