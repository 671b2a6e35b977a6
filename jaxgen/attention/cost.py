"""What attention costs, exactly, before it is computed."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Shaped(Protocol):
    """An array, or a ``jax.ShapeDtypeStruct``."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...


@dataclass(frozen=True)
class Work:
    """Work of products of matrices.

    Attributes:
      flops: multiplications and additions.
      bytes: of the three matrices of each product, read or written.
    """

    flops: int = 0
    bytes: int = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.flops + other.flops, self.bytes + other.bytes)

    def __mul__(self, times: int) -> "Work":
        return Work(self.flops * times, self.bytes * times)


class Cost(NamedTuple):
    """What one call of attention costs.

    Attributes:
      forward: work of the output.
      backward: work of the gradient, beyond the forward pass.
      temporaries: bytes that the forward pass holds at once, beside what it is given
        and what it returns.
    """

    forward: Work
    backward: Work
    temporaries: int


class Sizes(NamedTuple):
    """Sizes of a call of attention.

    Attributes:
      batch: examples.
      heads: of queries.
      key_heads: of keys.
      features: of a query and of a key.
      value_features: of a value.
      vector_bytes: of a number of a vector.
      sum_bytes: of a number of a sum, and of the matrix of logits.
    """

    batch: int
    heads: int
    key_heads: int
    features: int
    value_features: int
    vector_bytes: int
    sum_bytes: int


def sizes_of(query: Shaped, key: Shaped, value: Shaped) -> Sizes:
    """The sizes of these queries, keys and values."""
    itemsize = np.dtype(query.dtype).itemsize
    return Sizes(
        query.shape[0],
        query.shape[2],
        key.shape[2],
        query.shape[3],
        value.shape[3],
        itemsize,
        max(itemsize, 4),
    )


def products(
    sizes: Sizes, queries: int, keys: int, of_keys: int, of_values: int
) -> Work:
    """Work of products of one tile.

    Each is of the matrix of the tile with vectors of queries and vectors of keys, one
    of the three being the result: ``2 b n q s w`` operations for width w.

    Args:
      sizes: of the call.
      queries: of the tile.
      keys: of the tile.
      of_keys: how many products have the width of keys: logits, their two slopes.
      of_values: how many have the width of values: output, its slopes, values' slopes.
    """
    b, n, k = sizes.batch, sizes.heads, sizes.key_heads
    matrix = b * n * queries * keys
    vectors = b * (n * queries + k * keys)
    work = Work()
    for times, width in ((of_keys, sizes.features), (of_values, sizes.value_features)):
        moved = matrix * sizes.sum_bytes + vectors * width * sizes.vector_bytes
        work += Work(2 * matrix * width, moved) * times
    return work


def tile_bytes(sizes: Sizes, queries: int, keys: int) -> int:
    """Bytes of a tile at work: its logits and weights, queries, means and their sum."""
    rows = sizes.batch * sizes.heads * queries
    width = sizes.features + 2 * sizes.value_features
    return rows * (2 * keys + width) * sizes.sum_bytes


def gathered_bytes(sizes: Sizes, keys: int) -> int:
    """Bytes of keys, or of values, that were brought together: one after the other."""
    width = max(sizes.features, sizes.value_features)
    return sizes.batch * sizes.key_heads * keys * width * sizes.vector_bytes
