"""What one device of a ring does as the keys go around: inside `jax.shard_map`."""

from typing import Any, NamedTuple

import jax

from jaxgen.arrays import Array
from jaxgen.attention.blocked import Blocked, blocked, cut_residuals, uncut
from jaxgen.attention.case import Case
from jaxgen.attention.collectives import around, sent
from jaxgen.attention.shards import Schedule
from jaxgen.attention.tiles import Attended, Residuals, accumulator
from jaxgen.attention.visits import (
    Sums,
    Visits,
    attended_tiles,
    gradients_of_tiles,
    no_gradients,
    nothing,
)


class Shard(NamedTuple):
    """What a device is given, or, of whole arrays, what all devices are.

    Attributes:
      query: (b, t, n, h).
      key: (b, s, k, h).
      value: (b, s, k, v).
      case: the rest.
      tiles: that each device visits at each step, devices first.
    """

    query: Any
    key: Any
    value: Any
    case: Case
    tiles: Any


def forward_turn(plan: Schedule, axis: str, own: Shard) -> Attended:
    """Attention of a shard of queries, from the shards of keys that come by.

    Args:
      plan: of the ring.
      axis: of the mesh.
      own: of the device.
    """
    blocks, tiles = _cut(plan, own)

    def stop(found: Attended, keys: dict[str, Any], tiles: Visits):
        met = blocks._replace(**keys)
        rules, score = own.case.rules, own.case.score
        return attended_tiles(found, met, score, rules, tiles), keys

    start = nothing(blocks, accumulator(own.query))
    found, _ = around(stop, start, _keys(blocks), tiles, plan.hops, axis)
    output, total = (uncut(x, plan.grid.queries) for x in found)
    return Attended(output.astype(own.query.dtype), total)


def backward_turn(
    plan: Schedule, axis: str, own: Shard, of: Residuals
) -> tuple[Array, Array, Array, Any]:
    """Cotangents of a device's own shards; those of keys come home after the turn.

    Args:
      plan: of the ring.
      axis: of the mesh.
      own: of the device.
      of: the device's queries, about the keys of all.
    """
    blocks, tiles = _cut(plan, own)
    rules, score = own.case.rules, own.case.score
    of_blocks = cut_residuals(of, plan.grid.query_size)

    def stop(stays, goes, tiles: Visits):
        (dq, ds), (keys, dk, dv) = stays, goes
        met, so_far = blocks._replace(**keys), Sums(dq, dk, dv, ds)
        sums = gradients_of_tiles(so_far, met, of_blocks, score, rules, tiles)
        return (sums.query, sums.score), (keys, sums.key, sums.value)

    zero = no_gradients(blocks, score, accumulator(own.query))
    stays, goes = (zero.query, zero.score), (_keys(blocks), zero.key, zero.value)
    (dq, ds), (_, *away) = around(stop, stays, goes, tiles, plan.hops, axis)
    dk, dv = (uncut(x, plan.grid.keys) for x in sent(away, -plan.hops[-1], axis))
    return uncut(dq, plan.grid.queries), dk, dv, jax.lax.psum(ds, axis)


def _cut(plan: Schedule, own: Shard) -> tuple[Blocked, Visits]:
    """Blocks of a shard, and its tiles, of which an axis of one device is left."""
    blocks = blocked(own.query, own.key, own.value, own.case, plan.grid)
    return blocks, Visits(*(x[0] for x in own.tiles))


def _keys(blocks: Blocked) -> dict[str, Any]:
    """What goes around, by its name in `Blocked`."""
    return {"key": blocks.key, "value": blocks.value, "of_key": blocks.of_key}
