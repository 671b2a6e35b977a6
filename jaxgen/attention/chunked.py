"""Tile by tile with a running softmax: memory of one tile, whatever the pattern."""

from dataclasses import dataclass
from typing import Any

import jax

from jaxgen.arrays import Array
from jaxgen.attention.blocked import blocked, cut_residuals, uncut
from jaxgen.attention.case import Case
from jaxgen.attention.cost import Cost, Shaped, sizes_of
from jaxgen.attention.live import Grid, require_size
from jaxgen.attention.recomputed import recomputed
from jaxgen.attention.tiles import Attended, Residuals
from jaxgen.attention.visits import (
    attended_tiles,
    cost_of_tiles,
    gradients_of_tiles,
    no_gradients,
    nothing,
    visits,
)


@dataclass(frozen=True)
class Chunked:
    """One live tile after the other; backward, the weights of each are made again.

    Attributes:
      size: queries and keys in a tile; None for the one that costs least.

    References:
      Rabe and Staats, 2021, *Self-attention does not need O(n²) memory*; Dao et al.,
      2022, *FlashAttention*.
    """

    size: int | None = None

    def __post_init__(self):
        if self.size is not None:
            require_size(self.size)

    def refusal(self, case: Case) -> str:
        """Nothing is refused."""
        return ""

    def __call__(self, query: Array, key: Array, value: Array, case: Case) -> Attended:
        """Attention of (b, t, n, h) queries to (b, s, k, h) keys."""
        return recomputed(self._forward, self.backward, query, key, value, case)

    def cost(self, query: Shaped, key: Shaped, value: Shaped, case: Case) -> Cost:
        """Every pair of a live tile; logits are computed again backward."""
        grid = self.grid(case)
        return cost_of_tiles(
            sizes_of(query, key, value), grid, int(case.live(grid).sum())
        )

    def grid(self, case: Case) -> Grid:
        """The tiles of a case."""
        return case.grid(self.size) if self.size else cheapest(case)

    def _forward(self, query, key, value, case):
        grid = self.grid(case)
        blocks = blocked(query, key, value, case, grid)
        tiles = visits(case.live(grid))
        found = attended_tiles(
            nothing(blocks, query.dtype), blocks, case.score, case.rules, tiles
        )
        return jax.tree.map(lambda x: uncut(x, grid.queries), found)

    def backward(
        self, query: Array, key: Array, value: Array, case: Case, of: Residuals
    ) -> tuple[Any, ...]:
        """Cotangents of query, key, value and score; see `recomputed`."""
        grid = self.grid(case)
        blocks = blocked(query, key, value, case, grid)
        of_blocks = cut_residuals(of, grid.query_size)
        tiles = visits(case.live(grid))
        sums = no_gradients(blocks, case.score, query.dtype)
        dq, dk, dv, ds = gradients_of_tiles(
            sums, blocks, of_blocks, case.score, case.rules, tiles
        )
        return uncut(dq, grid.queries), uncut(dk, grid.keys), uncut(dv, grid.keys), ds


SIZES = (64, 128, 256)
OVERHEAD = 64 * 32
"""Pairs of a tile that cost as much as starting it; measured on a CPU."""


def cheapest(case: Case) -> Grid:
    """The tiles that cost least: pairs to compute, and tiles to start."""
    grids = [case.grid(size) for size in SIZES]
    return min(grids, key=lambda grid: _work(case, grid))


def _work(case: Case, grid: Grid) -> int:
    tiles = int(case.live(grid).sum())
    return tiles * (grid.query_size * grid.key_size + OVERHEAD)
