"""What devices of a ring send one another: inside `jax.shard_map`, over one axis."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array

Step = Callable[[Any, Any, Any], tuple[Any, Any]]


def around(
    step: Step, stays: Any, goes: Any, given: Any, hops: tuple[int, ...], axis: str
) -> tuple[Any, Any]:
    """A step at each stop of what goes around.

    Args:
      step: ``(stays, goes, given) -> (stays, goes)``, once a stop.
      stays: a pytree that stays on its device.
      goes: a pytree that goes from device to device, sent on while a step computes.
      given: a pytree of what each step is given, steps first.
      hops: how far each stop is from home, from 0 on.
      axis: of the mesh.

    Returns:
      Both, after the last step, where they are then.
    """

    def stop(hop: int, state: tuple[Any, Any], given: Any):
        stays, goes = step(*state, given)
        return (stays, sent(goes, hop, axis)), None

    state = (stays, goes)
    for hop, start, end in runs(hops):
        those = jax.tree.map(lambda x, some=slice(start, end): x[some], given)
        state, _ = jax.lax.scan(partial(stop, hop), state, those)
    return step(*state, jax.tree.map(lambda x: x[len(hops) - 1], given))


def runs(hops: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Differences of neighbours, where equal ones follow as one: (hop, from, to).

    Example:
        >>> runs((0, 1, 2, 7))
        [(1, 0, 2), (5, 2, 3)]
    """
    found: list[tuple[int, int, int]] = []
    for step, (one, other) in enumerate(pairwise(hops)):
        hop, start = other - one, step
        if found and found[-1][0] == hop:
            start = found.pop()[1]
        found.append((hop, start, step + 1))
    return found


def sent(tree: Any, hop: int, axis: str) -> Any:
    """What the device so many places before holds."""
    devices = jax.lax.axis_size(axis)
    return _moved(tree, [(one, (one + hop) % devices) for one in range(devices)], axis)


def laid(chunks: np.ndarray, axis: str, tree: Any) -> Any:
    """Shards of a sequence in order, moved to where a layout has them.

    Args:
      chunks: of the layout; see `jaxgen.attention.shards.Layout`.
      axis: of the mesh.
      tree: of arrays (b, t, ...), t tokens of a shard.
    """
    return _exchanged(tree, _routes(chunks), axis)


def unlaid(chunks: np.ndarray, axis: str, tree: Any) -> Any:
    """The inverse of `laid`."""
    back = [[(to, at) for at, to in route] for route in _routes(chunks)]
    return _exchanged(tree, back, axis)


Route = list[tuple[int, int]]
"""From which device to which."""


def _routes(chunks: np.ndarray) -> list[Route]:
    """For each column of a layout, where its chunks are in order and where they go."""
    before = chunks // chunks.shape[1]
    return [
        list(zip(column.tolist(), range(len(chunks)), strict=True))
        for column in before.T
    ]


def _exchanged(tree: Any, routes: list[Route], axis: str) -> Any:
    def one(shard: Array) -> Array:
        parts = jnp.split(shard, len(routes), axis=1)
        moved = [_moved(*each, axis) for each in zip(parts, routes, strict=True)]
        return jnp.concatenate(moved, axis=1)

    return jax.tree.map(one, tree)


def _moved(tree: Any, route: Route, axis: str) -> Any:
    if all(one == other for one, other in route):
        return tree
    return jax.lax.ppermute(tree, axis, route)
