"""Documents packed into rows, each told from itself alone."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Bool, Int, Shaped
from jaxgen.nn.mixer import Context

Rows = Callable[[Sequence[int], int], list[list[int]]]
"""``(sizes, length) -> rows``, each the numbers of the documents that it holds."""


class Packed(NamedTuple):
    """Rows of documents.

    Attributes:
      tokens: (n, t) int32, zero at padding.
      segments: (n, t), the documents of a row numbered from 1, zero at padding.
      positions: (n, t), the place of each token in its document, zero at padding.
      documents: (n, t), which document each token is of, -1 at padding.
    """

    tokens: Int[np.ndarray, "n t"]
    segments: Int[np.ndarray, "n t"]
    positions: Int[np.ndarray, "n t"]
    documents: Int[np.ndarray, "n t"]

    @property
    def padding(self) -> Bool[np.ndarray, "n t"]:
        """Where there is no token."""
        return self.segments == 0

    @property
    def share_of_padding(self) -> float:
        """Of all places, those without a token: what packing wastes."""
        return float(self.padding.mean())

    @property
    def context(self) -> Context:
        """What a model must know so that no document sees another."""
        told = self.padding, self.segments, self.positions
        return Context(*map(jnp.asarray, told))


def rows_in_order(sizes: Sequence[int], length: int) -> list[list[int]]:
    """A new row wherever the next document has no room: documents stay in their order.

    Example:
      >>> rows_in_order([3, 2, 1, 4], length=5)
      [[0, 1], [2, 3]]
    """
    rows: list[list[int]] = []
    room = 0
    for document, size in enumerate(sizes):
        if size > room:
            rows.append([])
            room = length
        rows[-1].append(document)
        room -= size
    return rows


def rows_first_fit(sizes: Sequence[int], length: int) -> list[list[int]]:
    """Each document in the first row that has room: fewer rows, in another order.

    References:
      Johnson et al., 1974, *Worst-case performance bounds for simple one-dimensional
      packing algorithms*: at most 1.7 times the fewest rows, and less where large
      documents come first.

    Example:
      >>> rows_first_fit([3, 4, 2, 1], length=5)
      [[0, 2], [1, 3]]
    """
    rows: list[list[int]] = []
    room = np.zeros(len(sizes), np.int64)
    for document, size in enumerate(sizes):
        fitting = room[: len(rows)] >= size
        row = int(fitting.argmax()) if fitting.any() else len(rows)
        if row == len(rows):
            rows.append([])
            room[row] = length
        rows[row].append(document)
        room[row] -= size
    return rows


def packed(
    documents: Sequence[Shaped[np.ndarray, " _t"]],
    length: int,
    rows: Rows = rows_in_order,
) -> Packed:
    """Rows of whole documents, and which token is of which.

    Args:
      documents: tokens of each, one or more.
      length: of a row.
      rows: says which documents go together.

    Raises:
      ValueError: no document; an empty one, or one longer than a row.

    Example:
      >>> told = packed([np.array([7, 8, 9]), np.array([5]), np.array([6, 6])], 5)
      >>> told.tokens.tolist(), told.segments.tolist()
      ([[7, 8, 9, 5, 0], [6, 6, 0, 0, 0]], [[1, 1, 1, 2, 0], [1, 1, 0, 0, 0]])
      >>> told.share_of_padding
      0.4
    """
    sizes = [len(document) for document in documents]
    if not sizes or not 1 <= min(sizes) <= max(sizes) <= length:
        raise ValueError(
            f"packed(length={length}) of {len(sizes)} documents of {min(sizes, default=0)} "
            f"to {max(sizes, default=0)} tokens: expected some, of 1 token to a row of "
            "them; cut longer ones by pieces"
        )
    chosen = rows(sizes, length)
    shape = len(chosen), length
    found = Packed(*(np.zeros(shape, np.int32) for _ in Packed._fields))
    found.documents[:] = -1
    for row, members in enumerate(chosen):
        ends = np.cumsum([sizes[member] for member in members])
        for segment, (member, end) in enumerate(zip(members, ends, strict=True), 1):
            own = slice(end - sizes[member], end)
            found.tokens[row, own] = documents[member]
            found.segments[row, own] = segment
            found.positions[row, own] = np.arange(sizes[member])
            found.documents[row, own] = member
    return found


def pieces(
    documents: Sequence[Shaped[np.ndarray, " _t"]], length: int
) -> list[Shaped[np.ndarray, " _t"]]:
    """Documents cut where a row ends: each piece is told from itself alone.

    Example:
      >>> [piece.tolist() for piece in pieces([np.arange(5), np.arange(2)], 3)]
      [[0, 1, 2], [3, 4], [0, 1]]
    """
    return [
        document[start : start + length]
        for document in documents
        for start in range(0, len(document), length)
    ]


def aligned(
    told: Packed, values: Sequence[Shaped[np.ndarray, " _t"]]
) -> Shaped[np.ndarray, "n t"]:
    """Numbers of each token, such as its bytes, where it lies; zero at padding.

    Args:
      told: documents in rows.
      values: of each document, as many as tokens.

    Raises:
      ValueError: a document has more numbers than tokens, or fewer.

    Example:
      >>> told = packed([np.array([7, 8]), np.array([5])], 2)
      >>> aligned(told, [np.array([4, 1]), np.array([2])]).tolist()
      [[4, 1], [2, 0]]
    """
    sizes = [len(each) for each in values]
    tokens = np.bincount(told.documents[~told.padding], minlength=len(sizes)).tolist()
    if sizes != tokens:
        raise ValueError(f"values of {sizes} numbers, for documents of {tokens} tokens")
    starts = np.cumsum([0, *sizes])
    flat = np.concatenate(values)
    places = starts[told.documents] + told.positions
    return np.where(told.padding, 0, flat[np.where(told.padding, 0, places)])
