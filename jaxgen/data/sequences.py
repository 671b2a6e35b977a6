"""Labelled rows of tokens, whatever they are tokens of."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgen.arrays import Bool, Int, Shaped


class LabelledTokens(NamedTuple):
    """Rows of tokens, padded to one length, and the class of each row.

    Attributes:
      tokens: (n, t) integers.
      padding: (n, t), true where there is no token.
      labels: (n,) int32.
    """

    tokens: Int[np.ndarray, "n t"]
    padding: Bool[np.ndarray, "n t"]
    labels: Int[np.ndarray, " n"]


def padded(
    rows: Sequence[bytes], length: int, filler: int = 0
) -> tuple[Shaped[np.ndarray, "n t"], Bool[np.ndarray, "n t"]]:
    """Rows of bytes, none longer than ``length``, and where there are none, as uint8.

    Example:
      >>> tokens, padding = padded([bytes([5, 6]), bytes([7])], 3)
      >>> tokens.tolist(), padding.sum(axis=1).tolist()
      ([[5, 6, 0], [7, 0, 0]], [1, 2])
    """
    lengths = np.array([len(row) for row in rows], np.int64)
    padding = np.arange(length)[None] >= lengths[:, None]
    tokens = np.full(padding.shape, filler, np.uint8)
    tokens[~padding] = np.frombuffer(b"".join(rows), np.uint8)
    return tokens, padding


def balanced(data: LabelledTokens, seed: int) -> LabelledTokens:
    """As many rows of each label as the rarest one has, drawn without replacement.

    Then the best guess that knows nothing is right once in as many times as there are
    labels.

    Args:
      data: rows of which some are taken; their order stays.
      seed: of the draw.

    Example:
      >>> tokens = np.arange(5)[:, None]
      >>> few = balanced(LabelledTokens(tokens, tokens < 0, tokens[:, 0] // 3), seed=0)
      >>> few.labels.tolist(), few.tokens[2:].tolist()
      ([0, 0, 1, 1], [[3], [4]])
    """
    rng, labels = np.random.default_rng(seed), np.unique(data.labels)
    rows = [np.flatnonzero(data.labels == label) for label in labels]
    fewest = min(map(len, rows))
    kept = [rng.choice(row, fewest, replace=False) for row in rows]
    chosen = np.sort(np.concatenate(kept))
    return LabelledTokens(*(leaf[chosen] for leaf in data))
