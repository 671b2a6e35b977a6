"""Sequences cut into blocks of equal length; the length is the second axis."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Int
from jaxgen.attention.case import Case
from jaxgen.attention.live import Grid
from jaxgen.attention.tiles import Residuals, Side


class Blocked(NamedTuple):
    """Queries, keys and values in blocks: (b, blocks, size, ...)."""

    query: Array
    key: Array
    value: Array
    of_query: Side
    of_key: Side


def blocked(query: Array, key: Array, value: Array, case: Case, grid: Grid) -> Blocked:
    """Blocks of all that has a length; what fills up the last attends to nothing."""
    return Blocked(
        cut(query, grid.query_size),
        cut(key, grid.key_size),
        cut(value, grid.key_size),
        _cut_side(case.of_query, grid.query_size, -1),
        _cut_side(case.of_key, grid.key_size, case.rules.keys),
    )


def cut(array: Array, size: int, fill: float | int = 0) -> Array:
    """Blocks of ``size``, the last one filled up: (b, n, ...) to (b, blocks, size, ...)."""
    short = -array.shape[1] % size
    widths = [(0, short if axis == 1 else 0) for axis in range(array.ndim)]
    whole = jnp.pad(array, widths, constant_values=fill)
    return whole.reshape(array.shape[0], -1, size, *array.shape[2:])


def joined(blocks: Any) -> Any:
    """Blocks one after the other, in each array: the inverse of `cut` but for its end."""
    return jax.tree.map(lambda x: x.reshape(x.shape[0], -1, *x.shape[3:]), blocks)


def uncut(blocks: Array, length: int) -> Array:
    """The inverse of `cut`."""
    return joined(blocks)[:, :length]


def at(tree: Any, block: Any) -> Any:
    """One block of each array, or some."""
    return jax.tree.map(lambda blocks: blocks[:, block], tree)


def reordered(rows: Array, order: Int[Array, "b n"]) -> Array:
    """Rows (b, n, ...) in another order, a permutation of each.

    Example:
        >>> rows, order = jnp.array([[[5], [6], [7]]]), jnp.array([[2, 0, 1]])
        >>> reordered(rows, order).tolist()
        [[[7], [5], [6]]]
    """

    def of_row(row: Array, order: Array) -> Array:
        return row.at[order].get(mode="promise_in_bounds", unique_indices=True)

    return jax.vmap(of_row)(rows, order)


def cut_residuals(of: Residuals, size: int) -> Residuals:
    """Blocks of residuals; what fills up the last has no weight on any key."""
    return Residuals(
        cut(of.cotangent, size),
        cut(of.log_sum_exp, size, jnp.inf),
        cut(of.offset, size),
    )


def _cut_side(side: Side, size: int, index: int) -> Side:
    """Blocks of a side; what fills up the last has this index, which none has."""
    others = jax.tree.map(lambda array: cut(array, size), side._replace(index=None))
    return others._replace(index=cut(side.index, size, index))
