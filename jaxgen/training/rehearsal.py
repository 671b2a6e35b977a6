"""Strategies that learn again some examples of earlier stages, which a reservoir keeps.

What is replayed takes the place of new examples in a batch: a budget of examples, or of
bytes, holds for all that is learned.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Data, Key, PyTree, Scalar
from jaxgen.data.batches import examples
from jaxgen.data.reservoir import Reservoir, empty_reservoir, grown, remembered
from jaxgen.keys import named
from jaxgen.objectives.checks import require_not_negative
from jaxgen.objectives.gradient_projection import without_conflict
from jaxgen.objectives.parameter_importance import Predict
from jaxgen.training.continual import Strategy


class Buffer(NamedTuple):
    """What is kept of the stream.

    Attributes:
      growing: of all stages, this one among them.
      settled: of earlier stages alone, of which examples are replayed.
    """

    growing: Reservoir
    settled: Reservoir


def replay(rows: int, capacity: int) -> Strategy:
    """Some rows of each batch are examples of earlier stages.

    In the first stage all rows are new. The reservoir takes in the others, of which there
    are as many in every stage.

    Args:
      rows: of a batch that are replayed, fewer than it has.
      capacity: examples that are kept.

    Raises:
      ValueError: rows or a capacity below 1; a batch of as few rows.

    References:
      Chaudhry et al., 2019, *On tiny episodic memories in continual learning*.
    """
    require_rows("replay", rows)

    def gradient(gather, params, batch, key, memory):
        mixed = with_replayed(batch, memory.settled, rows, named(key, "replay"))
        return gather(params, mixed, key), taken_in(memory, batch, rows, key)

    return Strategy(buffer_of("replay", rows, capacity), gradient, settled)


def a_gem(rows: int, capacity: int) -> Strategy:
    """New examples are learned as far as it does not undo what was learned of old ones.

    The gradient of a batch's new rows loses its part that goes against that of the
    replayed rows. Before the first stage has ended all rows are new.

    Args:
      rows: of a batch that are replayed, fewer than it has.
      capacity: examples that are kept.

    Raises:
      ValueError: as `replay`.

    References:
      Chaudhry et al., 2019, *Efficient lifelong learning with A-GEM*; here the memory is a
      reservoir, and what is replayed is within the batch.
    """
    require_rows("a_gem", rows)

    def gradient(gather, params, batch, key, memory):
        mixed = with_replayed(batch, memory.settled, rows, named(key, "replay"))
        new, old = parted(mixed, rows)
        told, slope = gather(params, new, key)
        _, reference = gather(params, old, key)
        share, begun = rows / examples(batch), memory.settled.seen > 0
        apart = without_conflict(slope, reference)
        chosen = jax.tree.map(
            lambda a, g, r: jnp.where(begun, a, (1 - share) * g + share * r),
            apart,
            slope,
            reference,
        )
        return (told, chosen), taken_in(memory, batch, rows, key)

    return Strategy(buffer_of("a_gem", rows, capacity), gradient, settled)


def dark_replay(
    predict: Predict, weight: int | float | Scalar, rows: int, capacity: int
) -> Strategy:
    """`replay`, where old examples are also to be told as when they were kept (DER++).

    Computes ``loss + weight mean (logits - logits then)^2``, the second over the replayed
    rows; they are one draw, of which the loss is told too.

    Args:
      predict: what the model tells of examples.
      weight: of the squared difference.
      rows: of a batch that are replayed, fewer than it has.
      capacity: examples that are kept, with their logits.

    Raises:
      ValueError: as `replay`; a weight below zero.

    References:
      Buzzega et al., 2020, *Dark experience for general continual learning*, equation 6,
      whose two terms have a draw each.
    """
    require_rows("dark_replay", rows)
    require_not_negative("dark_replay(weight)", weight)

    def with_logits(params, batch):
        return batch, jax.lax.stop_gradient(predict(params, batch).logits)

    def apart(params, old, logits):
        return weight * ((predict(params, old).logits - logits) ** 2).mean()

    def gradient(gather, params, batch, key, memory):
        both = with_logits(params, batch)
        mixed, then = with_replayed(both, memory.settled, rows, named(key, "replay"))
        told, slope = gather(params, mixed, key)
        old, logits = parted((mixed, then), rows)[1]
        pull = jax.grad(apart)(params, old, logits)
        slope = jax.tree.map(
            lambda g, p: g + jnp.where(memory.settled.seen > 0, p, 0), slope, pull
        )
        return (told, slope), taken_in(memory, both, rows, key)

    begin = buffer_of("dark_replay", rows, capacity)
    return Strategy(
        lambda params, batch: begin(params, with_logits(params, batch)),
        gradient,
        settled,
    )


def buffer_of(name: str, rows: int, capacity: int):
    """The empty buffer of a strategy, for a batch that has more rows than are replayed."""

    def init(params: PyTree, batch: Data) -> Buffer:
        del params
        if examples(batch) <= rows:
            raise ValueError(
                f"{name}(rows={rows}) of batches of {examples(batch)}: expected fewer, so "
                "that something new is learned"
            )
        empty = empty_reservoir(capacity, batch)
        return Buffer(empty, empty)

    return init


def settled(params: PyTree, examples: Data, key: Key, memory: Buffer) -> Buffer:
    """The buffer once a stage has ended: what it has kept may be replayed."""
    del params, examples, key
    return Buffer(memory.growing, memory.growing)


def taken_in(memory: Buffer, batch: Data, rows: int, key: Key) -> Buffer:
    """The buffer with the rows of a batch that were new."""
    new, _ = parted(batch, rows)
    return memory._replace(growing=grown(memory.growing, new, named(key, "reservoir")))


def with_replayed(batch: Data, old: Reservoir, rows: int, key: Key) -> Data:
    """The batch, its last rows replaced by examples of a reservoir that has any."""
    new, last = parted(batch, rows)
    drawn = remembered(old, rows, key)
    chosen = jax.tree.map(lambda d, x: jnp.where(old.seen > 0, d, x), drawn, last)
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), new, chosen)


def parted(batch: Data, rows: int) -> tuple[Data, Data]:
    """The first rows of a batch, and its last."""
    new = jax.tree.map(lambda leaf: leaf[:-rows], batch)
    return new, jax.tree.map(lambda leaf: leaf[-rows:], batch)


def require_rows(name: str, rows: int) -> None:
    """Raises:
    ValueError: no row is replayed.
    """
    if rows < 1:
        raise ValueError(
            f"{name}(rows={rows}): expected 1 or more; without, use naive()"
        )
