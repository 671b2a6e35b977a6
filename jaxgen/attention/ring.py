"""Attention whose sequence lies over a ring of devices: keys go around, queries stay."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
from jax.sharding import PartitionSpec as P

from jaxgen.arrays import Array
from jaxgen.attention.case import Case
from jaxgen.attention.collectives import laid, unlaid
from jaxgen.attention.cost import Cost, Shaped, Sizes, sizes_of
from jaxgen.attention.live import require_size
from jaxgen.attention.recomputed import recomputed
from jaxgen.attention.shards import (
    Layout,
    Schedule,
    Shards,
    busiest,
    contiguous,
    divides,
    schedule,
    shortest,
)
from jaxgen.attention.tiles import Attended
from jaxgen.attention.turns import Shard, backward_turn, forward_turn
from jaxgen.attention.visits import cost_of_tiles, visits


@dataclass(frozen=True)
class Ring:
    """Each device keeps its queries; keys and values go around, a shard at a time.

    The mesh is that of `jax.set_mesh`; its other axes may spread examples and heads as
    they like. Memory is that of a shard and a tile, forward and backward.

    At each step a device computes the live tiles of the shard that came by, and sends
    it on; backward, the shard's cotangents follow, in float32 at least. Steps at which
    no device has a live tile are left out: the keys of a window go as far as it
    reaches. Where all p steps are needed, a device sends ``2 (p - 1)`` shards forward,
    of keys and values, and ``4 p - 2`` backward.

    The caller's sequence lies in order, always. Where the ring has another layout, it
    moves queries, keys and values there and the output back: 4 shards more forward,
    and 4 backward. That of a causal pattern halves the work of the busiest device.

    Attributes:
      axis: of the mesh, over which the sequence lies.
      size: queries and keys in a tile, at most.
      layout: of the sequence over the ring; None for the one in which the devices wait
        least for one another, see `jaxgen.attention.shards.shortest`.

    References:
      Liu et al., 2023, *Ring attention with blockwise transformers for near-infinite
      context*.
    """

    axis: str = "sequence"
    size: int = 256
    layout: Layout | None = None

    def __post_init__(self):
        require_size(self.size)

    def refusal(self, case: Case) -> str:
        """A mesh without the axis, or lengths that do not divide over it."""
        if self.axis not in jax.sharding.get_abstract_mesh().axis_names:
            return f"a mesh without the axis {self.axis!r}, see jax.set_mesh"
        shards, layout = self.shards(case), self.layout or contiguous
        if divides(layout, shards):
            return ""
        return (
            f"{shards.queries} queries and {shards.keys} keys, not divisible into "
            f"{layout(shards.devices).size} chunks over {shards.devices} devices"
        )

    def __call__(self, query: Array, key: Array, value: Array, case: Case) -> Attended:
        """Attention of (b, t, n, h) queries to (b, s, k, h) keys."""
        chunks = self.schedule(case).layout(self.shards(case).devices)
        split = P(None, self.axis)
        enter = self._mapped(partial(laid, chunks, self.axis), (split,), split)
        leave = self._mapped(partial(unlaid, chunks, self.axis), (split,), split)
        query, key, value, of_query, of_key = enter(
            (query, key, value, case.of_query, case.of_key)
        )
        moved = replace(case, of_query=of_query, of_key=of_key)
        return leave(
            recomputed(self._forward, self._backward, query, key, value, moved)
        )

    def cost(self, query: Shaped, key: Shaped, value: Shaped, case: Case) -> Cost:
        """That of the busiest device at each step, for which the others wait."""
        plan, sizes = self.schedule(case), sizes_of(query, key, value)
        tile = cost_of_tiles(sizes, plan.grid, busiest(plan))
        return tile._replace(temporaries=tile.temporaries + bytes_of(sizes, plan))

    def shards(self, case: Case) -> Shards:
        """What the ring knows of a case before any trace."""
        devices = jax.sharding.get_abstract_mesh().shape[self.axis]
        queries, keys = case.of_query.index.shape[1], case.of_key.index.shape[1]
        return Shards(devices, queries, keys, self.size, case.offset)

    def schedule(self, case: Case) -> Schedule:
        """Where the sequence lies, and the tiles that each device visits."""
        if self.layout is None:
            return shortest(case.rules.pattern, self.shards(case))
        return schedule(case.rules.pattern, self.shards(case), self.layout)

    def _forward(self, query, key, value, case):
        plan = self.schedule(case)
        given = Shard(query, key, value, case, visits(plan.live))
        turn = partial(forward_turn, plan, self.axis)
        split = P(None, self.axis)
        return self._mapped(turn, (self._split(case),), split)(given)

    def _backward(self, query, key, value, case, of):
        plan = self.schedule(case)
        given = Shard(query, key, value, case, visits(plan.live))
        turn = partial(backward_turn, plan, self.axis)
        split = P(None, self.axis)
        inputs, outputs = (self._split(case), split), (split, split, split, P())
        return self._mapped(turn, inputs, outputs)(given, of)

    def _split(self, case: Case) -> Shard:
        """How what the turns are given lies."""
        split = P(None, self.axis)
        sides = jax.tree.map(lambda _: split, (case.of_query, case.of_key))
        of_case = replace(case, of_query=sides[0], of_key=sides[1], score=P())
        return Shard(split, split, split, of_case, P(self.axis))

    def _mapped(self, shard: Callable, inputs: Any, outputs: Any) -> Callable:
        """A function of shards as one of whole arrays, whatever the mesh's other axes."""
        return jax.jit(
            jax.shard_map(
                shard,
                in_specs=inputs,
                out_specs=outputs,
                axis_names={self.axis},
                check_vma=False,
            )
        )


def bytes_of(sizes: Sizes, plan: Schedule) -> int:
    """Bytes of a shard at work beside its tile.

    Keys and values that came by, and those on their way; queries, where they were moved;
    the output in the dtype of sums, where its own is another.
    """
    moved = plan.layout is not contiguous
    rows = sizes.batch * sizes.heads * plan.grid.queries
    pairs = sizes.batch * sizes.key_heads * plan.grid.keys
    width = sizes.features + sizes.value_features
    visitors = 2 if moved else min(2, len(plan.hops) - 1)
    vectors = visitors * pairs * width + moved * rows * sizes.features
    apart = sizes.sum_bytes != sizes.vector_bytes
    sums = apart * rows * sizes.value_features
    return vectors * sizes.vector_bytes + sums * sizes.sum_bytes
