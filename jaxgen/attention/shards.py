"""Which shard of a sequence lies where, and which tiles it visits as keys come by."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from jaxgen.attention.live import Grid
from jaxgen.attention.patterns import Pattern, Span

Layout = Callable[[int], np.ndarray]
"""From a number of shards to the chunks (shards, chunks of a shard) that each holds.

The m-th chunk of a shard is the m-th of another where the sequence lies in order, so
that a column is a permutation, and a chunk moves in one step.
"""


def contiguous(shards: int) -> np.ndarray:
    """Shard i is chunk i."""
    return np.arange(shards)[:, None]


def balanced(shards: int) -> np.ndarray:
    """Shard i is chunks i and ``2 shards - 1 - i``, the even one first ("zig-zag").

    Under a causal pattern an early chunk, which attends to little, makes up for a late
    one: at each step around the ring every device has as much to do.

    References:
      Brandon et al., 2023, *Striped attention*, for the imbalance and another cure;
      Grattafiori et al., 2024, *The Llama 3 herd of models*, section 3.3.2, for this.

    Example:
        >>> balanced(3).tolist()
        [[0, 5], [4, 1], [2, 3]]
    """
    one = np.arange(shards)
    other = 2 * shards - 1 - one
    even = np.where(one % 2 == 0, one, other)
    return np.stack([even, 2 * shards - 1 - even], axis=1)


class Shards(NamedTuple):
    """Queries and keys of one length each, over a ring of devices.

    Attributes:
      devices: how many.
      queries: how many, all told.
      keys: how many, all told.
      size: of a tile, at most; no longer than a chunk.
      offset: index of the first query; None where only a trace knows.
    """

    devices: int
    queries: int
    keys: int
    size: int
    offset: int | None


class Schedule(NamedTuple):
    """What happens as the keys go once around.

    Attributes:
      layout: where the chunks lie.
      grid: the tiles of one shard.
      hops: how far the keys have gone at each step; steps without work are left out.
      live: (devices, steps, rows, columns), the tiles that a device visits at a step.
    """

    layout: Layout
    grid: Grid
    hops: tuple[int, ...]
    live: np.ndarray


def shortest(pattern: Pattern, shards: Shards) -> Schedule:
    """The schedule of the layout in which the devices take least, all in step.

    Of layouts that take the same it is the one that moves nothing.
    """
    layouts = [x for x in (contiguous, balanced) if divides(x, shards)]
    return min((schedule(pattern, shards, x) for x in layouts), key=in_step)


def divides(layout: Layout, shards: Shards) -> bool:
    """Whether all chunks of queries, and all of keys, have one length."""
    chunks = layout(shards.devices).size
    return shards.queries % chunks == 0 and shards.keys % chunks == 0


def in_step(plan: Schedule) -> int:
    """Pairs in the tiles of `busiest`."""
    return busiest(plan) * plan.grid.query_size * plan.grid.key_size


def busiest(plan: Schedule) -> int:
    """Tiles that the busiest device visits, summed over steps: the others wait."""
    return int(plan.live.sum((-1, -2)).max(0).sum())


@lru_cache
def schedule(pattern: Pattern, shards: Shards, layout: Layout) -> Schedule:
    """The tiles to visit where the sequence lies in a layout."""
    devices = shards.devices
    chunks = layout(devices)
    grid = Grid(
        shards.queries // devices,
        shards.keys // devices,
        min(shards.size, shards.queries // chunks.size),
        min(shards.size, shards.keys // chunks.size),
    )
    query = _spans(chunks, shards.queries, grid.query_size)
    key = _spans(chunks, shards.keys, grid.key_size)
    device = np.arange(devices)[:, None]
    met = _live(pattern, query, key, shards)[device, (device - device.T) % devices]
    hops = [hop for hop in range(devices) if hop == 0 or met[:, hop].any()]
    live = met[:, hops]
    live.setflags(write=False)
    return Schedule(layout, grid, tuple(hops), live)


def _live(pattern: Pattern, query: Span, key: Span, shards: Shards) -> np.ndarray:
    """(devices of queries, devices of keys, rows, columns)."""
    if shards.offset is None:
        return np.ones((*query.first.shape, *key.first.shape), bool).swapaxes(1, 2)
    ends = (end[:, None, :, None] + shards.offset for end in query)
    return pattern.some(
        Span(*ends), Span(*(end[None, :, None, :] for end in key)), shards.keys
    )


def _spans(chunks: np.ndarray, length: int, size: int) -> Span:
    """First and last index of each tile of each shard: (devices, tiles)."""
    own = length // chunks.size
    index = chunks[..., None] * own + np.arange(own)
    index = index.reshape(len(chunks), -1)
    starts = np.arange(0, index.shape[1], size)
    return Span(
        np.minimum.reduceat(index, starts, axis=1),
        np.maximum.reduceat(index, starts, axis=1),
    )
