"""The live blocks of each row, gathered: work and memory linear in their number."""

from dataclasses import dataclass

import jax
import numpy as np

from jaxgen.arrays import Array
from jaxgen.attention.blocked import at, blocked, cut_residuals, uncut
from jaxgen.attention.case import Case
from jaxgen.attention.cost import (
    FORWARD,
    LOGITS,
    OF_KEYS,
    OF_QUERIES,
    OF_VALUES,
    OF_WEIGHTS,
    Cost,
    Product,
    Shaped,
    Sizes,
    Work,
    gathered_bytes,
    products,
    sizes_of,
    tile_bytes,
)
from jaxgen.attention.lines import (
    Line,
    keys_of,
    lines,
    over_lines,
    queries_of,
    unstacked,
)
from jaxgen.attention.live import require_size
from jaxgen.attention.recomputed import recomputed
from jaxgen.attention.tiles import (
    Attended,
    attended_tile,
    heads_first,
    logits,
    score_gradient,
    tile_gradients,
    value_gradient,
)


@dataclass(frozen=True)
class Blocks:
    """Each block of queries attends at once to the live blocks of keys, gathered.

    Backward, each block of keys gathers the queries that attend to it: nothing is
    scattered, so sums are made in one order on every machine.

    Attributes:
      size: of a block, of queries and of keys.
      rows: blocks treated at once; None for all, as an accelerator likes it.

    References:
      Zaheer et al., 2020, *Big Bird: transformers for longer sequences*, appendix D.
    """

    size: int = 64
    rows: int | None = 1

    def __post_init__(self):
        require_size(self.size)
        if self.rows is not None and self.rows < 1:
            raise ValueError(f"{self.rows} rows at once: expected 1 or more, or None")

    def refusal(self, case: Case) -> str:
        """Nothing is refused."""
        return ""

    def __call__(self, query: Array, key: Array, value: Array, case: Case) -> Attended:
        """Attention of (b, t, n, h) queries to (b, s, k, h) keys."""
        return recomputed(self._forward, self._backward, query, key, value, case)

    def cost(self, query: Shaped, key: Shaped, value: Shaped, case: Case) -> Cost:
        """Every pair of a live block, and of the few that fill up a row.

        Backward, the rows compute the slopes of queries, the columns those of keys, and
        both of them logits.
        """
        grid, sizes = case.grid(self.size), sizes_of(query, key, value)
        live = case.live(grid)

        rows = [(n, (grid.query_size, m * grid.key_size)) for n, m in groups(live)]
        columns = [(n, (m * grid.query_size, grid.key_size)) for n, m in groups(live.T)]

        def held(rows: int, m: int) -> int:
            tile = tile_bytes(sizes, grid.query_size, m * grid.key_size)
            gathered = gathered_bytes(sizes, m * grid.key_size)
            return min(self.rows or rows, rows) * (tile + gathered)

        most = max(held(*group) for group in groups(live))
        of_rows = total(sizes, rows, LOGITS, OF_QUERIES, OF_WEIGHTS)
        of_columns = total(sizes, columns, LOGITS, OF_KEYS, OF_WEIGHTS, OF_VALUES)
        return Cost(total(sizes, rows, *FORWARD), of_rows + of_columns, most)

    def _forward(self, query, key, value, case):
        grid = case.grid(self.size)
        blocks = blocked(query, key, value, case, grid)

        def row(line: Line) -> Attended:
            query, of_query = at((blocks.query, blocks.of_query), line.block)
            key, value, of_key = keys_of(blocks, line, case.rules.keys)
            scores = logits(
                heads_first(query), key, of_query, of_key, case.score, case.rules
            )
            found = heads_first(attended_tile(scores, value))
            return found._replace(output=found.output.astype(query.dtype))

        found = unstacked(over_lines(row, case.live(grid), self.rows))
        return jax.tree.map(lambda x: uncut(x, grid.queries), found)

    def _backward(self, query, key, value, case, of):
        grid = case.grid(self.size)
        blocks = blocked(query, key, value, case, grid)
        of_blocks = cut_residuals(of, grid.query_size)

        def row(line: Line):
            query, of = heads_first(at((blocks.query, of_blocks), line.block))
            of_query = at(blocks.of_query, line.block)
            key, value, of_key = keys_of(blocks, line, case.rules.keys)

            def told(query, score):
                return logits(query, key, of_query, of_key, score, case.rules)

            _, (dq, ds) = tile_gradients(told, value, of, query, case.score)
            return heads_first(dq), score_gradient(case.score, ds)

        def column(line: Line):
            query, of_query, of = queries_of(blocks, of_blocks, line)
            key, value, of_key = at(
                (blocks.key, blocks.value, blocks.of_key), line.block
            )

            def told(key):
                return logits(query, key, of_query, of_key, case.score, case.rules)

            weights, (dk,) = tile_gradients(told, value, of, key)
            return dk, value_gradient(weights, of, value)

        live = case.live(grid)
        dq, ds = over_lines(row, live, self.rows)
        dk, dv = unstacked(over_lines(column, live.T, self.rows))
        return (
            uncut(unstacked(dq), grid.queries),
            uncut(dk, grid.keys),
            uncut(dv, grid.keys),
            jax.tree.map(lambda rows: rows.sum(0), ds),
        )


def groups(live: np.ndarray) -> list[tuple[int, int]]:
    """How many rows are treated alike, and how many live blocks each of them has."""
    return [line.others.shape for line in lines(live)]


def total(
    sizes: Sizes, tiles: list[tuple[int, tuple[int, int]]], *made: Product
) -> Work:
    """Work of tiles of several sizes, so many of each."""
    works = (products(sizes, *tile, *made) * n for n, tile in tiles)
    return sum(works, Work())
