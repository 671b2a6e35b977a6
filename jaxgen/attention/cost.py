"""What attention costs, exactly, before it is computed."""

from dataclasses import dataclass
from operator import mul
from typing import Literal, NamedTuple, Protocol, runtime_checkable

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


def matrix_product(
    rows: int, inner: int, columns: int, *, batch: int = 1, itemsize: int = 4
) -> Work:
    """Work of products of (rows, inner) and (inner, columns) matrices.

    Computes ``2 b r i c`` operations, and the bytes of all three matrices.

    Args:
      rows: of the left matrix.
      inner: columns of the left and rows of the right.
      columns: of the right matrix.
      batch: products.
      itemsize: bytes of a number.

    Example:
      >>> matrix_product(2, 3, 5)
      Work(flops=60, bytes=124)
    """
    numbers = rows * inner + inner * columns + rows * columns
    return Work(2 * rows * inner * columns, numbers * itemsize) * batch


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


class Product(NamedTuple):
    """One product of a tile: its matrix, vectors of queries and vectors of keys.

    One of the three is the result of the other two.

    Attributes:
      width: which vectors, by the name of their features in `Sizes`.
      matrix: by its name in `Sizes`, the bytes of a number of it.
      query: likewise, of the vectors of queries.
      key: likewise, of the vectors of keys.
    """

    width: Literal["features", "value_features"]
    matrix: Literal["vector_bytes", "sum_bytes"]
    query: Literal["vector_bytes", "sum_bytes"]
    key: Literal["vector_bytes", "sum_bytes"]


LOGITS = Product("features", "sum_bytes", "vector_bytes", "vector_bytes")
OUTPUT = Product("value_features", "vector_bytes", "sum_bytes", "vector_bytes")
OF_WEIGHTS = Product("value_features", "sum_bytes", "vector_bytes", "vector_bytes")
OF_QUERIES = Product("features", "sum_bytes", "sum_bytes", "vector_bytes")
OF_KEYS = Product("features", "sum_bytes", "vector_bytes", "sum_bytes")
OF_VALUES = Product("value_features", "vector_bytes", "vector_bytes", "sum_bytes")
FORWARD = LOGITS, OUTPUT
SLOPES = OF_QUERIES, OF_KEYS, OF_WEIGHTS, OF_VALUES
"""What is made from vectors has their dtype as far as it is given, and that of sums as a
result; weights are rounded to that of vectors, and slopes of logits are not."""


def products(sizes: Sizes, queries: int, keys: int, *made: Product) -> Work:
    """Work of products of one tile: ``2 b n q s w`` operations each, for width w.

    Args:
      sizes: of the call.
      queries: of the tile.
      keys: of the tile.
      made: of it.
    """
    matrix = sizes.batch * sizes.heads * queries * keys
    rows = sizes.batch * sizes.heads * queries
    columns = sizes.batch * sizes.key_heads * keys
    work = Work()
    for product in made:
        width, *each = (getattr(sizes, name) for name in product)
        moved = (matrix, rows * width, columns * width)
        work += Work(2 * matrix * width, sum(map(mul, moved, each)))
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
