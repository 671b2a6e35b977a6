"""Which blocks of pairs are alive: known from the pattern alone, before any trace."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from jaxgen.attention.patterns import Pattern, Span


class Grid(NamedTuple):
    """How queries and keys are cut into blocks.

    Attributes:
      queries: how many, all told.
      keys: how many, all told.
      query_size: queries in a block.
      key_size: keys in a block.
      offset: index of the first query among the keys.
    """

    queries: int
    keys: int
    query_size: int
    key_size: int
    offset: int = 0


def require_size(size: int) -> None:
    """Raises:
    ValueError: a block without an index.
    """
    if size < 1:
        raise ValueError(f"a block or tile with a size of {size}: expected 1 or more")


def spans(count: int, size: int, offset: int = 0) -> Span:
    """The blocks of consecutive indices, the last one cut at the end."""
    first = np.arange(0, count, size)
    return Span(first + offset, np.minimum(first + size, count) - 1 + offset)


@lru_cache
def live_blocks(pattern: Pattern, grid: Grid) -> np.ndarray:
    """Which blocks hold a pair that may attend.

    Exact for each pattern alone; of ``a & b``, also those blocks in which both have a
    pair and no pair is in both.

    Returns:
      Booleans (blocks of queries, blocks of keys).

    Example:
        >>> from jaxgen.attention.expressions import causal
        >>> live_blocks(causal(), Grid(4, 4, 2, 2)).astype(int).tolist()
        [[1, 0], [1, 1]]
    """
    query, key = _sides(grid)
    live = pattern.some(query, key, grid.keys)
    live.setflags(write=False)
    return live


@lru_cache
def whole_blocks(pattern: Pattern, grid: Grid) -> np.ndarray:
    """Which blocks hold no pair that may not attend; of ``a | b``, some of them."""
    query, key = _sides(grid)
    whole = pattern.every(query, key, grid.keys)
    whole.setflags(write=False)
    return whole


def drawing(pattern: Pattern, length: int) -> str:
    """A pattern as text: a line for each query, a cross for each key it may attend."""
    index = np.arange(length)
    allowed = pattern.allowed(index[:, None], index[None, :], length)
    return "\n".join(" ".join(".x"[int(pair)] for pair in row) for row in allowed)


def _sides(grid: Grid) -> tuple[Span, Span]:
    query = spans(grid.queries, grid.query_size, grid.offset)
    key = spans(grid.keys, grid.key_size)
    return (
        Span(*(end[:, None] for end in query)),
        Span(*(end[None, :] for end in key)),
    )
