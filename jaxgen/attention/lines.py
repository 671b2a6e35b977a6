"""Lines of a map of live blocks, grouped by length, and what is gathered for each."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array
from jaxgen.attention.blocked import Blocked, at, joined
from jaxgen.attention.tiles import Residuals, Side, heads_first

WASTE = 16
"""Of so many live blocks, one more may be computed to have fewer lengths of lines."""


class Line(NamedTuple):
    """One block and the live blocks of the other side, or many such of equal length.

    Attributes:
      block: its number.
      others: theirs.
      present: false where a number only fills up the line.
    """

    block: np.ndarray
    others: np.ndarray
    present: np.ndarray


def lines(live: np.ndarray) -> Iterator[Line]:
    """The rows of a map in groups of equal length, short rows filled up a little."""
    counts = np.maximum(live.sum(1), 1)
    pending, waste = np.zeros(0, int), 0
    lengths = np.unique(counts)
    for length, longer in zip(lengths, [*lengths[1:], None], strict=True):
        pending = np.concatenate([pending, np.flatnonzero(counts == length)])
        if longer is not None:
            waste += len(pending) * (longer - length)
            if waste * WASTE <= counts.sum():
                continue
        yield _line(live, np.sort(pending), int(length))
        pending, waste = np.zeros(0, int), 0


def _line(live: np.ndarray, chosen: np.ndarray, length: int) -> Line:
    others = np.argsort(~live[chosen], axis=1, kind="stable")[:, :length]
    present = np.take_along_axis(live[chosen], others, axis=1)
    return Line(chosen.astype(np.int32), others.astype(np.int32), present)


def over_lines(treated: Callable[[Line], Any], live: np.ndarray, at_once: int | None):
    """What ``treated`` makes of each row of a map, stacked in the order of rows."""
    groups = list(lines(live))
    parts = [
        jax.lax.map(treated, group, batch_size=at_once or len(group.block))
        for group in groups
    ]
    if len(parts) == 1:
        return parts[0]
    order = np.argsort(np.concatenate([group.block for group in groups]))
    return jax.tree.map(lambda *rows: jnp.concatenate(rows)[order], *parts)


def unstacked(tree: Any) -> Any:
    """Blocks that `over_lines` stacked, as `jaxgen.attention.blocked.cut` lays them."""
    return jax.tree.map(lambda blocks: jnp.moveaxis(blocks, 0, 1), tree)


def keys_of(blocks: Blocked, line: Line, keys: int) -> tuple[Array, Array, Side]:
    """Keys, values and side of a line; what fills it up has an index that no key has."""
    of_key = at(blocks.of_key, line.others)
    present = line.present[None, :, None]
    of_key = of_key._replace(index=jnp.where(present, of_key.index, keys))
    return joined((*at((blocks.key, blocks.value), line.others), of_key))


def queries_of(
    blocks: Blocked, of_blocks: Residuals, line: Line
) -> tuple[Array, Side, Residuals]:
    """Queries of a line and what is known of them; what fills it up has no weight."""
    of = at(of_blocks, line.others)
    present = line.present[None, :, None, None]
    of = of._replace(log_sum_exp=jnp.where(present, of.log_sum_exp, jnp.inf))
    query, side, of = joined((*at((blocks.query, blocks.of_query), line.others), of))
    return heads_first(query), side, heads_first(of)
