"""What a judge says of points once it sees their distances, block by block.

Neither all distances are held at once nor all differences of a block. Rows of which
bounds of distances do not tell are measured again by their differences.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Bool, Float, Int, PyTree
from jaxgen.metrics.distances import Bounds, Distances, by_differences

Points = Array | np.ndarray

ROWS = 16  # whose distances are held at once where they are measured by differences
ENTRIES = 2**24  # of a block of bounds: larger ones are no faster


class Told(NamedTuple):
    """What the distances of some rows tell.

    Attributes:
      values: of each row, arrays of leading axis b.
      marks: of each row and each of the others, arrays (b, n) to be summed over rows.
      open: the rows of which bounds did not tell; their values and marks are void.
    """

    values: PyTree
    marks: PyTree
    open: Bool[Array, " b"]


Judge = Callable[[Any, Int[Array, " b"]], Told]
"""From squares or bounds of some rows, and the rows' numbers, to what they tell."""


def told_by_rows(
    judge: Judge,
    points: Float[Points, "n d"],
    others: Float[Points, "m d"],
    distances: Distances,
) -> tuple[PyTree, PyTree]:
    """The values that a judge finds for every point, and the sums of its marks.

    Args:
        judge: is told of blocks of rows by the chosen distances, and of those that it
            leaves open by their differences, which leave nothing open.
        points: the rows.
        others: what they are compared with.
        distances: how to measure.
    """
    points, others = jnp.asarray(points), jnp.asarray(others)
    size, rough = len(points), gives_bounds(distances, points, others)
    most = max(ENTRIES // len(others), 1) if rough else ROWS
    blocks = -(-size // most)
    rows = -(-size // blocks)

    def block(sums: PyTree, numbers: Int[Array, " b"]) -> tuple[PyTree, PyTree]:
        kept = jnp.minimum(numbers, size - 1)  # the last block may want for rows
        told = judge(distances(points[kept], others), kept)
        sums = _added(sums, told.marks, (numbers < size) & ~told.open)
        return sums, (told.values, told.open)

    again = _by_differences(judge, points, others)
    few = jax.ShapeDtypeStruct((1,), jnp.int32)
    sums = jax.tree.map(
        lambda marks: jnp.zeros(marks.shape[1:], jnp.int32),
        jax.eval_shape(again, few).marks,
    )
    numbers = jnp.arange(blocks * rows).reshape(blocks, rows)
    sums, by_block = jax.lax.scan(block, sums, numbers)
    values, left = jax.tree.map(
        lambda x: x.reshape(blocks * rows, *x.shape[2:])[:size], by_block
    )
    if not rough:
        return values, sums
    return settled(judge, points, others, values, sums, left)


def settled(
    judge: Judge,
    points: Float[Points, "n d"],
    others: Float[Points, "m d"],
    values: PyTree,
    sums: PyTree,
    left: Bool[Array, " n"],
) -> tuple[PyTree, PyTree]:
    """Values and sums of marks once the rows that are left are judged by differences.

    Args:
        judge: as for `told_by_rows`.
        points: the rows.
        others: what they are compared with.
        values: of each row, those of the rows that are left to be replaced.
        sums: of the marks of all other rows.
        left: which rows.
    """
    again = _by_differences(judge, points, others)
    few = min(ROWS, left.shape[0])

    def step(state: tuple[PyTree, PyTree, Array]) -> tuple[PyTree, PyTree, Array]:
        values, sums, left = state
        is_left, numbers = jax.lax.top_k(left.astype(jnp.int32), few)
        told = again(numbers)
        keep = jnp.where(is_left > 0, numbers, left.shape[0])  # out of range: dropped
        values = jax.tree.map(
            lambda old, new: old.at[keep].set(new, mode="drop"), values, told.values
        )
        sums = _added(sums, told.marks, is_left > 0)
        return values, sums, left.at[numbers].set(False)

    state = (values, sums, left)
    return jax.lax.while_loop(lambda state: jnp.any(state[2]), step, state)[:2]


def one_open(open: Bool[Array, "b m"]) -> tuple[Int[Array, " b"], Bool[Array, " b"]]:
    """Where the one open entry of each row is, and the rows that have more of them."""
    size = open.shape[1]
    numbers = jnp.arange(size)[None]
    last = jnp.max(jnp.where(open, numbers, -1), axis=1)
    first = jnp.min(jnp.where(open, numbers, size), axis=1)
    return jnp.maximum(last, 0), first < last


def _by_differences(
    judge: Judge, points: Float[Points, "n d"], others: Float[Points, "m d"]
) -> Callable[[Array], Told]:
    return lambda rows: judge(by_differences(points[rows], others), rows)


def _added(sums: PyTree, marks: PyTree, rows: Bool[Array, " b"]) -> PyTree:
    return jax.tree.map(
        lambda sums, marks: sums + jnp.sum(marks & rows[:, None], axis=0), sums, marks
    )


def gives_bounds(distances: Distances, points: Array, others: Array) -> bool:
    """Whether these distances are `Bounds`."""
    return isinstance(jax.eval_shape(distances, points[:1], others), Bounds)
