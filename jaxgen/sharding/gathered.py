"""Batches of which every process reads a part."""

from collections.abc import Iterator

import jax

from jaxgen.arrays import Data, PyTree
from jaxgen.data.batches import Batches


class Gathered:
    """Arrays over all processes, made of the rows that each process reads.

    Nothing is sent: the rows of a process go to its own devices. For `fit`, which leaves
    what lies as the program wants it where it is.

    Args:
      batches: of this process, such as ``Streamed`` of its index among all.
      layout: a sharding for each leaf, ``program.data``, by which a process holds the rows
        that it reads: by ``batch_spec`` those of processes are in order.

    Example:
      >>> import numpy as np
      >>> from jaxgen.data.batches import Shuffled
      >>> from jaxgen.sharding.mesh import mesh_of
      >>> mesh = mesh_of({"data": 1}, jax.devices()[:1])
      >>> layout = jax.NamedSharding(mesh, jax.P("data"))
      >>> batches = Gathered(Shuffled(np.arange(6), 2, seed=0), layout)
      >>> next(batches).sharding == layout, batches.position
      (True, 1)
    """

    def __init__(self, batches: Batches, layout: PyTree):
        self.batches, self.layout = batches, layout

    @property
    def position(self) -> int:
        """Of the next batch, in every process the same."""
        return self.batches.position

    @position.setter
    def position(self, position: int) -> None:
        self.batches.position = position

    def __iter__(self) -> Iterator[Data]:
        return self

    def __next__(self) -> Data:
        whole = jax.make_array_from_process_local_data
        return jax.tree.map(whole, self.layout, next(self.batches))
