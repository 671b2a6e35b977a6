"""Several processes that run one program: who is the first, and what they agree on.

Alone, every function here answers at once, and nothing is said to anybody.
"""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Sharding

from jaxgen.arrays import Data, PyTree

QUESTIONS = itertools.count()
"""Numbers of the questions whether to stop: as many in each process."""


def is_first() -> bool:
    """Whether this process is the one that tells, where one must."""
    return jax.process_index() == 0


def the_firsts(number: int) -> int:
    """A number of the first process, told to all."""
    if jax.process_count() == 1:
        return number
    return int(multihost_utils.broadcast_one_to_all(np.int32(number)))


def meet(where: str) -> None:
    """Returns when all processes are here."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(where)


def require_alone(what: str) -> None:
    """Raises:
    ValueError: there are other processes.
    """
    if jax.process_count() > 1:
        raise ValueError(
            f"{what} of {jax.process_count()} processes: expected one process alone"
        )


def agreed_stop() -> Callable[[int], bool]:
    """Whether all processes stop now, because one was asked to.

    The first question that none of them has come to is chosen. They are counted through
    all runs of a program, each of which counts its own dispatches from zero. SIGTERM is
    heard by JAX, and no handler of Python's may take its place.
    """
    return lambda done: multihost_utils.reached_preemption_sync_point(next(QUESTIONS))


def laid_out(data: Data, shardings: PyTree) -> Data:
    """Data that every process has, on the devices: each process lays out its own.

    What is computed does not depend on how many processes there are.
    """
    return jax.tree.map(_laid_out, data, shardings)


def on_host(tree: PyTree) -> Any:
    """Whole arrays in the memory of every process."""
    return jax.tree.map(_whole, tree)


def _laid_out(leaf: Any, sharding: Sharding) -> jax.Array:
    if sharding.is_fully_addressable:
        return jax.device_put(leaf, sharding)
    there = np.asarray(leaf)
    return jax.make_array_from_callback(there.shape, sharding, there.__getitem__)


def _whole(leaf: jax.Array) -> np.ndarray:
    if leaf.is_fully_addressable or leaf.is_fully_replicated:
        return np.asarray(leaf)
    return multihost_utils.process_allgather(leaf, tiled=True)
