"""What one device of a ring does as the keys go around: inside `jax.shard_map`."""

from typing import Any

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


def forward_turn(
    plan: Schedule,
    axis: str,
    query: Array,
    key: Array,
    value: Array,
    case: Case,
    tiles: Visits,
) -> Attended:
    """Attention of a shard of queries, from the shards of keys that come by.

    Args:
      plan: of the ring.
      axis: of the mesh.
      query: (b, t, n, h), the device's own shard; so are the others.
      key: (b, s, k, h).
      value: (b, s, k, v).
      case: of the shards.
      tiles: that the device visits at each step.
    """
    blocks, tiles = blocked(query, key, value, case, plan.grid), _own(tiles)

    def stop(found: Attended, keys: dict[str, Any], tiles: Visits):
        met = blocks._replace(**keys)
        return attended_tiles(found, met, case.score, case.rules, tiles), keys

    start = nothing(blocks, accumulator(query))
    found, _ = around(stop, start, _keys(blocks), tiles, plan.hops, axis)
    output, total = (uncut(x, plan.grid.queries) for x in found)
    return Attended(output.astype(query.dtype), total)


def backward_turn(
    plan: Schedule,
    axis: str,
    query: Array,
    key: Array,
    value: Array,
    case: Case,
    tiles: Visits,
    of: Residuals,
) -> tuple[Array, Array, Array, Any]:
    """Cotangents of a device's own shards; those of keys come home after the turn.

    Args:
      plan: as for `forward_turn`; so are those not named here.
      of: the device's queries, about the keys of all.
    """
    blocks, tiles = blocked(query, key, value, case, plan.grid), _own(tiles)
    of_blocks = cut_residuals(of, plan.grid.query_size)

    def stop(stays, goes, tiles: Visits):
        (dq, ds), (keys, dk, dv) = stays, goes
        met = blocks._replace(**keys)
        sums = gradients_of_tiles(
            Sums(dq, dk, dv, ds), met, of_blocks, case.score, case.rules, tiles
        )
        return (sums.query, sums.score), (keys, sums.key, sums.value)

    zero = no_gradients(blocks, case.score, accumulator(query))
    stays, goes = (zero.query, zero.score), (_keys(blocks), zero.key, zero.value)
    (dq, ds), (_, *away) = around(stop, stays, goes, tiles, plan.hops, axis)
    dk, dv = (uncut(x, plan.grid.keys) for x in sent(away, -plan.hops[-1], axis))
    return uncut(dq, plan.grid.queries), dk, dv, jax.lax.psum(ds, axis)


def _keys(blocks: Blocked) -> dict[str, Any]:
    """What goes around, by its name in `Blocked`."""
    return {"key": blocks.key, "value": blocks.value, "of_key": blocks.of_key}


def _own(tiles: Visits) -> Visits:
    """The tiles of this device, of which `jax.shard_map` leaves an axis of one."""
    return Visits(*(x[0] for x in tiles))
