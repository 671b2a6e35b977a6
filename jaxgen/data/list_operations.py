"""ListOps: nested operations on digits, whose value is one digit.

Operators are MIN, MAX, MED (the median, rounded down) and SM (the sum modulo 10), as in
``[MAX 2 9 [MIN 4 7 ] 0 ]``, of value 9. Rows depend on the seed alone, on any machine:
they are made of the stream of integers of PCG64, which numpy promises not to change.
"""

from dataclasses import dataclass
from itertools import islice

import numpy as np

from jaxgen.arrays import Int, Shaped
from jaxgen.data.list_values import DIGITS, END, PADDING, TOKENS, values
from jaxgen.data.sequences import LabelledTokens, padded

UNKNOWN = -1
"""A node of a tree that grows, of which nothing is decided yet."""

DRAWS = 1024
"""Trees that grow together: with another number, a seed gives other rows."""

PATIENCE = 1000
"""How many times in a row all of them may be refused."""


@dataclass(frozen=True)
class ListOperations:
    """How trees are drawn, and which are kept.

    A node is an operator with probability 1/4; otherwise, and at the last level, it is
    a digit. Operators, digits and numbers of arguments are equally likely each.

    Attributes:
      depth: levels of nodes, the root's included.
      arguments: the most of an operator, which has 2 or more.
      shortest: kept rows have more tokens than that.
      longest: kept rows have fewer tokens than that, and are padded to it.

    Raises:
      ValueError: sizes of which there is no tree.

    References:
      Nangia and Bowman, 2018, *ListOps: a diagnostic dataset for latent tree learning*.
      Tay et al., 2021, *Long range arena: a benchmark for efficient transformers*, whose
      code has these sizes.
    """

    depth: int = 10
    arguments: int = 10
    shortest: int = 500
    longest: int = 2000

    def __post_init__(self):
        if self.depth < 2 or self.arguments < 2:
            raise ValueError(
                f"{self}: expected a depth of 2 or more, and 2 or more arguments"
            )
        largest = 1
        for _ in range(self.depth - 1):
            largest = 2 + self.arguments * largest
        if not 0 <= self.shortest < min(self.longest - 1, largest):
            raise ValueError(
                f"{self}: trees have 1 to {largest} tokens; expected some between "
                "shortest and longest, both excluded"
            )


def list_operations(task: ListOperations, count: int, seed: int) -> LabelledTokens:
    """Different rows and their values; the first rows of a seed are always the same.

    Returns:
      tokens int8 (count, longest), called `TOKENS`, and labels from 0 to 9.

    Raises:
      ValueError: there are not so many different trees, or hardly so many.

    Example:
      >>> task = ListOperations(depth=3, shortest=8, longest=12)
      >>> rows = list_operations(task, 50, seed=0)
      >>> text(rows.tokens[5]), int(rows.labels[5])
      ('[SM 8 [MIN 1 1 ] 2 3 ]', 4)
    """
    bits, kept, refused = np.random.PCG64(seed), {}, 0
    while len(kept) < count:
        before = len(kept)
        kept.update(dict.fromkeys(_accepted(task, bits)))
        refused = 0 if len(kept) > before else refused + 1
        if refused == PATIENCE:
            raise ValueError(
                f"{task}: of {PATIENCE * DRAWS} trees none was new and of that length, "
                f"after {before} of {count} rows; ask for fewer, or for other lengths"
            )
    tokens, padding = padded(list(islice(kept, count)), task.longest, PADDING)
    return LabelledTokens(tokens.astype(np.int8), padding, values(tokens))


def text(row: Int[np.ndarray, " t"]) -> str:
    """The names of a row's tokens, without padding."""
    return " ".join(TOKENS[token] for token in row if token != PADDING)


def _accepted(task: ListOperations, bits: np.random.PCG64) -> list[bytes]:
    """Rows of the next trees that are neither too short nor too long."""
    stream, lengths = np.full(DRAWS, UNKNOWN, np.int8), np.ones(DRAWS, np.int64)
    for level in range(1, task.depth + 1):
        stream, lengths = _grown(stream, lengths, task, level == task.depth, bits)
        short = lengths < task.longest
        stream, lengths = stream[np.repeat(short, lengths)], lengths[short]
    whole, end = stream.tobytes(), np.cumsum(lengths)
    kept = np.flatnonzero(lengths > task.shortest)
    return [whole[end[i] - lengths[i] : end[i]] for i in kept]


def _grown(
    stream: Shaped[np.ndarray, " s"],
    lengths: Shaped[np.ndarray, " n"],
    task: ListOperations,
    last: bool,
    bits: np.random.PCG64,
) -> tuple[Shaped[np.ndarray, " r"], Shaped[np.ndarray, " n"]]:
    """Trees, one after another, with one more level, and how many tokens each has.

    Each unknown node becomes a digit; or an operator, unknown arguments and an end.
    """
    unknown = np.flatnonzero(stream == UNKNOWN)
    word = bits.random_raw(len(unknown))
    opens = (word >> 62 == 0) & (not last)
    choices = np.where(opens, task.arguments - 1, DIGITS).astype(np.uint64)
    chosen = (word & 0xFFFFFFFF) * choices >> 32
    sizes = np.ones(len(stream), np.int64)
    sizes[unknown] = np.where(opens, chosen + 4, 1)
    ends = np.cumsum(sizes)
    grown = np.full(ends[-1], UNKNOWN, np.int8)
    grown[ends - sizes] = stream
    grown[(ends - sizes)[unknown]] = np.where(opens, DIGITS + (word >> 60 & 3), chosen)
    grown[ends[unknown[opens]] - 1] = END
    return grown, np.diff(ends[np.cumsum(lengths) - 1], prepend=0)
