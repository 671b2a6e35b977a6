"""All that attention is asked beside its vectors, checked before anything is traced."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Bool, Int
from jaxgen.attention.checks import (
    known,
    require_each,
    require_rules,
    require_vectors,
)
from jaxgen.attention.cost import Shaped
from jaxgen.attention.expressions import FULL
from jaxgen.attention.live import Grid, live_blocks
from jaxgen.attention.patterns import Pattern
from jaxgen.attention.scores import Score, as_tree, unchanged
from jaxgen.attention.tiles import Rules, Side


class Options(TypedDict, total=False):
    """The options of `jaxgen.attention.attend.attend` that decide the logits."""

    pattern: Pattern
    score: Score
    segments: Int[Array, "b t"] | None
    key_segments: Int[Array, "b s"] | None
    padding: Bool[Array, "b s"] | None
    positions: Int[Array, "b t"] | None
    key_positions: Int[Array, "b s"] | None
    scale: float | None
    offset: int | Int[Array, ""] | Int[Array, " b"]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("of_query", "of_key", "score"),
    meta_fields=("rules", "offset", "query", "key"),
)
@dataclass(frozen=True)
class Case:
    """One call of attention.

    Attributes:
      of_query: indices, positions and segments of the queries.
      of_key: the same of the keys, and their padding.
      score: a pytree; see `jaxgen.attention.scores`.
      rules: the pattern, and what else is known before any trace.
      offset: index of the first query among the keys; None where only a trace knows.
      query: shape and dtype of the queries.
      key: shape and dtype of the keys.
    """

    of_query: Side
    of_key: Side
    score: Any
    rules: Rules
    offset: int | None
    query: jax.ShapeDtypeStruct
    key: jax.ShapeDtypeStruct

    def grid(self, size: int) -> Grid:
        """The blocks of this case, no longer than its sequences."""
        queries, keys = self.of_query.index.shape[1], self.of_key.index.shape[1]
        return Grid(
            queries,
            keys,
            max(1, min(size, queries)),
            max(1, min(size, keys)),
            self.offset or 0,
        )

    def live(self, grid: Grid) -> np.ndarray:
        """Which blocks to visit: all where the queries' index is known late."""
        if self.offset is not None:
            return live_blocks(self.rules.pattern, grid)
        rows = math.ceil(grid.queries / grid.query_size)
        return np.ones((rows, math.ceil(grid.keys / grid.key_size)), bool)


def case_of(
    query: Shaped,
    key: Shaped,
    pattern: Pattern = FULL,
    score: Score = unchanged,
    segments: Array | None = None,
    key_segments: Array | None = None,
    padding: Array | None = None,
    positions: Array | None = None,
    key_positions: Array | None = None,
    scale: float | None = None,
    offset: int | Array = 0,
) -> Case:
    """What `jaxgen.attention.attend.attend` is asked, as one value.

    Raises:
      ValueError: see `jaxgen.attention.attend.attend`.
    """
    require_vectors(query, key)
    require_rules(pattern, score, scale)
    (batch, queries, _, features), keys = query.shape, key.shape[1]
    if key_segments is None and queries == keys:
        key_segments = segments
    if (segments is None) != (key_segments is None):
        raise ValueError(
            f"{queries} queries, {keys} keys, and segments of one side only: give both "
            "segments and key_segments"
        )
    for name, array, length, kind in (
        ("segments", segments, queries, jnp.integer),
        ("positions", positions, queries, jnp.integer),
        ("key_segments", key_segments, keys, jnp.integer),
        ("key_positions", key_positions, keys, jnp.integer),
        ("padding", padding, keys, jnp.bool_),
    ):
        require_each(name, array, batch, length, kind)
    first = known(offset, batch)
    pattern.require_fit(queries + (first or 0), keys)
    index = jnp.arange(queries)[None] + jnp.reshape(offset, (-1, 1))
    key_index = jnp.arange(keys)[None]
    return Case(
        Side(index, index if positions is None else positions, segments),
        Side(
            key_index,
            key_index if key_positions is None else key_positions,
            key_segments,
            padding,
        ),
        as_tree(score),
        Rules(pattern, keys, features**-0.5 if scale is None else scale),
        first,
        *(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in (query, key)),
    )
