"""A pattern as the mask of a Pallas kernel: asked block by block, before any trace."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jax.experimental.pallas.ops.tpu.splash_attention import Mask

from jaxgen.attention.live import Grid, live_blocks, whole_blocks
from jaxgen.attention.patterns import Pattern


@dataclass(frozen=True)
class PatternMask(Mask):
    """Which pairs may attend, both lengths filled up to whole blocks.

    Equal where its fields are, so that the kernel's plan is made once for all heads and
    layers. No matrix of all pairs exists, neither here nor on the device: the kernel
    keeps each block that is allowed in part, and of equal ones a single copy.

    Attributes:
      pattern: of indices below the lengths; what fills up attends to nothing.
      grid: the blocks of the kernel.

    Example:
        >>> from jaxgen.attention.expressions import causal
        >>> mask = PatternMask(causal(), Grid(3, 3, 2, 2))
        >>> mask[2:4, 2:4].astype(int).tolist()
        [[1, 0], [0, 0]]
    """

    pattern: Pattern
    grid: Grid

    @property
    def shape(self) -> tuple[int, int]:
        grid = self.grid
        return (
            -(-grid.queries // grid.query_size) * grid.query_size,
            -(-grid.keys // grid.key_size) * grid.key_size,
        )

    def __getitem__(self, idx: tuple[slice, slice]) -> np.ndarray:
        """Booleans of one block."""
        rows, columns = (np.arange(part.start, part.stop) for part in idx)
        grid, shape = self.grid, (len(rows), len(columns))
        block = rows[0] // grid.query_size, columns[0] // grid.key_size
        if not live_blocks(self.pattern, grid)[block]:
            return np.zeros(shape, bool)
        inside = np.logical_and.outer(rows < grid.queries, columns < grid.keys)
        if whole_blocks(self.pattern, grid)[block]:
            return inside
        query, key = rows[:, None] + grid.offset, columns[None, :]
        return inside & self.pattern.allowed(query, key, grid.keys)

    def block(self, i: int, j: int) -> np.ndarray:
        """Booleans of one block, by its number of queries and of keys."""
        sizes = self.grid.query_size, self.grid.key_size
        rows, columns = (
            slice(n * size, (n + 1) * size)
            for n, size in zip((i, j), sizes, strict=True)
        )
        return self[rows, columns]


@lru_cache
def every_query_attends(mask: PatternMask) -> bool:
    """Whether each query of a pattern may attend to some key."""
    grid = mask.grid
    live = live_blocks(mask.pattern, grid)
    found = np.zeros((len(live), grid.query_size), bool)
    for i, j in np.argwhere(live).tolist():
        if not found[i].all():
            found[i] |= mask.block(i, j).any(1)
    return bool(found.reshape(-1)[: grid.queries].all())


@lru_cache
def different_blocks(mask: PatternMask) -> int:
    """How many different blocks are allowed in part: what a kernel has to keep."""
    live = np.argwhere(live_blocks(mask.pattern, mask.grid)).tolist()
    blocks = (mask.block(i, j) for i, j in live)
    return len({block.tobytes() for block in blocks if not block.all()})
