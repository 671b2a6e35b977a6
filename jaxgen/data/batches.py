"""Batches: drawn inside a program, or read on the host with a position to resume."""

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Data, Key


@runtime_checkable
class Batches(Protocol):
    """An iterator of data whose position is one integer.

    Setting ``position`` makes the next item the one that had that position before.
    What it has given is not changed any more: the same object is the same data.
    """

    position: int

    def __next__(self) -> Data: ...


def minibatch(size: int) -> Callable[[Data, Key], Data]:
    """Draws ``size`` examples with replacement from data on the device.

    Returns:
      ``(data, key) -> batch``, to be given to ``feed``.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> minibatch(3)(jnp.arange(10), jax.random.key(0)).shape
      (3,)
    """

    def draw(data, key):
        chosen = jax.random.randint(key, (size,), 0, examples(data))
        return jax.tree.map(lambda leaf: jnp.asarray(leaf)[chosen], data)

    return draw


def examples(data: Data) -> int:
    """How many examples the leaves of the data hold, all the same.

    Raises:
      ValueError: they hold different numbers of examples.

    Example:
      >>> examples({"image": np.zeros((3, 8)), "label": np.zeros(3)})
      3
    """
    counts = {leaf.shape[0] for leaf in jax.tree.leaves(data)}
    if len(counts) != 1:
        raise ValueError(
            f"data of {sorted(counts)} examples: expected leaves of one leading size"
        )
    return counts.pop()


class Resident:
    """The same data again and again: what a learner made by ``feed`` asks for.

    Example:
      >>> data = Resident("ring")
      >>> next(data), next(data), data.position
      ('ring', 'ring', 2)
    """

    def __init__(self, data: Data):
        self.data = data
        self.position = 0

    def __iter__(self) -> Iterator[Data]:
        return self

    def __next__(self) -> Data:
        self.position += 1
        return self.data


class Shuffled:
    """Batches of a source on the host, in a new seeded order each epoch.

    The batch at a position depends on the seed and the position alone, so a resumed
    run reads what an unbroken one would have. Examples left over at the end of an
    epoch are dropped.

    Args:
      source: a pytree of arrays whose leading axes count examples.
      size: examples in a batch.
      seed: of the orders.

    Raises:
      ValueError: the source has fewer examples than a batch.

    Example:
      >>> batches = Shuffled(np.arange(6), size=2, seed=0)
      >>> first = [next(batches).tolist() for _ in range(3)]
      >>> sorted(sum(first, []))
      [0, 1, 2, 3, 4, 5]
      >>> batches.position = 0
      >>> next(batches).tolist() == first[0]
      True
    """

    def __init__(self, source: Data, size: int, seed: int):
        self.source, self.size, self.seed = source, size, seed
        self.position = 0
        self._epoch, self._order = -1, np.zeros(0, np.int64)
        self.examples = examples(source)
        if not 1 <= size <= self.examples:
            raise ValueError(
                f"Shuffled(size={size}): expected 1 to {self.examples} examples, as "
                "many as the source has"
            )

    def __iter__(self) -> Iterator[Data]:
        return self

    def __next__(self) -> Data:
        epoch, place = divmod(self.position, self.examples // self.size)
        if epoch != self._epoch:
            rng = np.random.default_rng((self.seed, epoch))
            self._epoch, self._order = epoch, rng.permutation(self.examples)
        chosen = self._order[place * self.size : (place + 1) * self.size]
        self.position += 1
        return jax.tree.map(lambda leaf: leaf[chosen], self.source)
