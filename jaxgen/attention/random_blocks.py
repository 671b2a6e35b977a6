"""Seeded random blocks of keys for each block of queries."""

from dataclasses import dataclass
from functools import lru_cache

import jax.numpy as jnp
import numpy as np

from jaxgen.attention.patterns import Pattern, Span, require_whole


@dataclass(frozen=True)
class RandomBlocks(Pattern):
    """Each block of queries attends to a few blocks of keys, drawn once for a length.

    All blocks where there are not that many. The draw depends on the seed and on how
    many blocks there are: nothing else.

    Attributes:
      count: blocks of keys for each block of queries.
      size: of a block.
      seed: of the draw.

    References:
      Zaheer et al., 2020, *Big Bird: transformers for longer sequences*, section 2.
    """

    count: int
    size: int = 64
    seed: int = 0

    def __post_init__(self):
        require_whole(count=self.count, size=self.size, seed=self.seed)
        if self.count < 1 or self.size < 1:
            raise ValueError(
                f"{self.count} random blocks of {self.size}: expected 1 or more of each"
            )
        if self.seed < 0:
            raise ValueError(f"a seed of {self.seed}: expected 0 or more")

    def allowed(self, query, key, keys):
        drawn = drawn_blocks(self, keys)
        row = (query // self.size).clip(0, len(drawn) - 1)
        own = drawn[row] if isinstance(row, np.ndarray) else jnp.asarray(drawn)[row]
        return (own == (key // self.size)[..., None]).any(-1)

    def some(self, query, key, keys):
        return self._count(query, key, keys) > 0

    def every(self, query, key, keys):
        rows, columns = (self._blocks(span, keys) for span in (query, key))
        pairs = (rows.last - rows.first + 1) * (columns.last - columns.first + 1)
        return self._count(query, key, keys) == pairs

    def _blocks(self, span: Span, keys: int) -> Span:
        last = len(drawn_blocks(self, keys)) - 1
        return Span(*(np.minimum(end // self.size, last) for end in span))

    def _count(self, query: Span, key: Span, keys: int) -> np.ndarray:
        """Drawn blocks in each rectangle of blocks, by sums over all before it."""
        drawn = drawn_blocks(self, keys)
        table = np.zeros((len(drawn) + 1,) * 2, np.int32)
        table[np.arange(len(drawn))[:, None] + 1, drawn + 1] = 1
        sums = table.cumsum(0).cumsum(1)
        rows, columns = (self._blocks(span, keys) for span in (query, key))
        return (
            sums[rows.last + 1, columns.last + 1]
            - sums[rows.first, columns.last + 1]
            - sums[rows.last + 1, columns.first]
            + sums[rows.first, columns.first]
        )


@lru_cache
def drawn_blocks(pattern: RandomBlocks, keys: int) -> np.ndarray:
    """The blocks of keys drawn for each block of queries: (blocks, count), int32."""
    blocks = -(-keys // pattern.size)
    random = np.random.default_rng((pattern.seed, blocks))
    count = min(pattern.count, blocks)
    rows = [random.choice(blocks, count, replace=False) for _ in range(blocks)]
    return np.array(rows, np.int32)
