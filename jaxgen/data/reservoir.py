"""A fixed number of examples, each of those seen so far equally likely among them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Data, Int, Key
from jaxgen.data.batches import examples
from jaxgen.keys import named


class Reservoir(NamedTuple):
    """What is kept of a stream.

    Attributes:
      kept: leaves whose examples lead; the first ``seen`` are examples, others zero.
      seen: examples of the stream so far.
    """

    kept: Data
    seen: Int[Array, ""]


def empty_reservoir(capacity: int, like: Data) -> Reservoir:
    """A reservoir that has seen nothing.

    Args:
      capacity: examples that it keeps.
      like: examples, of which shapes alone matter.

    Raises:
      ValueError: a capacity below 1.

    Example:
      >>> empty_reservoir(3, jnp.ones((8, 2))).kept.shape
      (3, 2)
    """
    if capacity < 1:
        raise ValueError(f"empty_reservoir(capacity={capacity}): expected 1 or more")
    kept = jax.tree.map(
        lambda leaf: jnp.zeros((capacity, *leaf.shape[1:]), leaf.dtype), like
    )
    return Reservoir(kept, jnp.zeros((), jnp.int32))


def grown(reservoir: Reservoir, batch: Data, key: Key) -> Reservoir:
    """The reservoir after a batch of the stream, one example after the other.

    The t-th example of the stream takes a free place, or one drawn from t places, if that
    is one of the reservoir's: so every example seen is kept with the same chance.

    References:
      Vitter, 1985, *Random sampling with a reservoir*, algorithm R.

    Example:
      >>> some = grown(empty_reservoir(3, jnp.ones(2)), jnp.ones(2), jax.random.key(0))
      >>> some.kept.tolist(), int(some.seen)
      ([1.0, 1.0, 0.0], 2)
    """
    count, capacity = examples(batch), examples(reservoir.kept)
    place = jnp.arange(count)
    number = reservoir.seen + place
    drawn = jax.random.randint(key, (count,), 0, number + 1)
    slot = jnp.where(number < capacity, number, drawn)
    # of two that take one place the later stays
    last = jnp.full(capacity, -1).at[slot].max(place, mode="drop")
    slot = jnp.where(last[jnp.minimum(slot, capacity - 1)] == place, slot, capacity)
    kept = jax.tree.map(
        lambda old, new: old.at[slot].set(new, mode="drop"), reservoir.kept, batch
    )
    return Reservoir(kept, reservoir.seen + count)


def remembered(reservoir: Reservoir, size: int, key: Key) -> Data:
    """Draws so many of the examples that are kept, with replacement.

    Of a reservoir that has seen nothing they are zero.
    """
    most = jnp.clip(reservoir.seen, 1, examples(reservoir.kept))
    chosen = jax.random.randint(named(key, "remembered"), (size,), 0, most)
    return jax.tree.map(lambda leaf: leaf[chosen], reservoir.kept)
