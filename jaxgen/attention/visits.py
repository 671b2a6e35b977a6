"""A sum over tiles, one after the other: each adds to what the ones before it found."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array
from jaxgen.attention.blocked import Blocked, at
from jaxgen.attention.cost import (
    FORWARD,
    LOGITS,
    SLOPES,
    Cost,
    Sizes,
    products,
    tile_bytes,
)
from jaxgen.attention.live import Grid
from jaxgen.attention.tiles import (
    Attended,
    Residuals,
    Rules,
    accumulator,
    attended_tile,
    heads_first,
    logits,
    merged,
    score_gradient,
    tile_gradients,
    value_gradient,
)


class Visits(NamedTuple):
    """The tiles to visit, row after row.

    Attributes:
      columns: (..., tiles), the block of keys of each.
      starts: (..., rows + 1), where those of each block of queries start, and the end.
    """

    columns: Array | np.ndarray
    starts: Array | np.ndarray


def visits(live: np.ndarray) -> Visits:
    """The live tiles of a map (rows, columns), or of several maps in leading axes.

    Example:
        >>> visits(np.array([[True, False], [True, True]]))
        Visits(columns=array([0, 0, 1], dtype=int32), starts=array([0, 1, 3], dtype=int32))
    """
    ends = live.sum(-1).cumsum(-1)
    most = max(1, ends[..., -1].max())
    places = np.argsort(~live.reshape(*live.shape[:-2], -1), axis=-1, kind="stable")
    columns = places[..., :most] % live.shape[-1]
    starts = np.concatenate([np.zeros_like(ends[..., :1]), ends], -1)
    return Visits(columns.astype(np.int32), starts.astype(np.int32))


def nothing(blocks: Blocked, dtype: jnp.dtype) -> Attended:
    """Attention to no key, of all blocks of queries."""
    shape = blocks.query.shape[:-1]
    return Attended(
        jnp.zeros((*shape, blocks.value.shape[-1]), dtype),
        jnp.full(shape, -jnp.inf, accumulator(blocks.query)),
    )


def attended_tiles(
    so_far: Attended, blocks: Blocked, score: Any, rules: Rules, visits: Visits
) -> Attended:
    """Attention to the keys of the tiles too, from that to the keys before them."""
    columns, starts = map(jnp.asarray, visits)

    def row(found: Attended, i: Array):
        query, of_query = heads_first(at(blocks.query, i)), at(blocks.of_query, i)

        def tile(n: Array, so_far: Attended) -> Attended:
            j = columns[n]
            key, value, of_key = at((blocks.key, blocks.value, blocks.of_key), j)
            scores = logits(query, key, of_query, of_key, score, rules)
            return merged(so_far, attended_tile(scores, value))

        before = heads_first(at(found, i))
        before = before._replace(output=before.output.astype(accumulator(query)))
        new = jax.lax.fori_loop(starts[i], starts[i + 1], tile, before)
        return jax.tree.map(partial(_put, i), found, heads_first(new)), None

    return jax.lax.scan(row, so_far, jnp.arange(len(starts) - 1))[0]


class Sums(NamedTuple):
    """Cotangents, summed over the tiles so far; those of vectors in blocks."""

    query: Array
    key: Array
    value: Array
    score: Any


def no_gradients(blocks: Blocked, score: Any, dtype: jnp.dtype) -> Sums:
    """Zeros; those of the queries in this dtype, the rest in that of sums."""
    return Sums(
        jnp.zeros(blocks.query.shape, dtype),
        jnp.zeros(blocks.key.shape, accumulator(blocks.key)),
        jnp.zeros(blocks.value.shape, accumulator(blocks.value)),
        score_gradient(score, jax.tree.map(jnp.zeros_like, score)),
    )


def gradients_of_tiles(
    so_far: Sums,
    blocks: Blocked,
    of_blocks: Residuals,
    score: Any,
    rules: Rules,
    visits: Visits,
) -> Sums:
    """Cotangents from the tiles too, added to those from the tiles before them."""
    columns, starts = map(jnp.asarray, visits)

    def row(sums: Sums, i: Array):
        query, of = heads_first(at((blocks.query, of_blocks), i))
        of_query = at(blocks.of_query, i)

        def tile(n: Array, sums: Sums) -> Sums:
            j = columns[n]
            key, value, of_key = at((blocks.key, blocks.value, blocks.of_key), j)

            def told(query, key, score):
                return logits(query, key, of_query, of_key, score, rules)

            weights, (dq, dk, ds) = tile_gradients(told, value, of, query, key, score)
            dv = value_gradient(weights, of, value)
            return Sums(
                sums.query + dq,
                sums.key.at[:, j].add(dk.astype(sums.key.dtype)),
                sums.value.at[:, j].add(dv.astype(sums.value.dtype)),
                jax.tree.map(jnp.add, sums.score, score_gradient(score, ds)),
            )

        before = heads_first(at(sums.query, i)).astype(accumulator(query))
        new = jax.lax.fori_loop(
            starts[i], starts[i + 1], tile, sums._replace(query=before)
        )
        return new._replace(query=_put(i, sums.query, heads_first(new.query))), None

    return jax.lax.scan(row, so_far, jnp.arange(len(starts) - 1))[0]


def cost_of_tiles(sizes: Sizes, grid: Grid, tiles: int) -> Cost:
    """Work of so many tiles forward and backward, and the bytes of the one at work."""
    tile = (grid.query_size, grid.key_size)
    return Cost(
        products(sizes, *tile, *FORWARD) * tiles,
        products(sizes, *tile, LOGITS, *SLOPES) * tiles,
        tile_bytes(sizes, *tile),
    )


def _put(block: Array, blocks: Array, new: Array) -> Array:
    return blocks.at[:, block].set(new.astype(blocks.dtype))
