"""Bits per byte of text, each byte told from a window of what is before it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Bool, Float, Int, Shaped

Nats = Callable[[Array, Array], Array]
"""``(inputs, targets) -> nats`` to tell each target, all (b, w): target i from the inputs
up to i."""


class Windows(NamedTuple):
    """Rows in which each token of a text is scored exactly once.

    Attributes:
      inputs: what is read.
      targets: what is told, the next token at each place.
      scored: whether its nats count; the rest is context alone.
    """

    inputs: Int[Array | np.ndarray, "m w"]
    targets: Int[Array | np.ndarray, "m w"]
    scored: Bool[Array | np.ndarray, "m w"]


def rolling_windows(
    tokens: Shaped[np.ndarray, " n"], first: int, context: int, stride: int
) -> Windows:
    """Windows that move along a text.

    Before the text there is one more token, so that its first one is told too. The first
    window scores all that it tells; each later one moves on by the stride and scores what
    is new; the last one moves on by what is left. So every token but the first ``context``
    is told from ``context - stride + 1`` tokens or more. A text shorter than a window is
    one row, as long as the text.

    Args:
      tokens: of one text: one document, or a stream of all.
      first: what is read before it: a token that separates texts.
      context: tokens of a window, the most that any is told from.
      stride: tokens scored by each window after the first, 1 to ``context``: 1 tells
        each from the longest context, ``context`` takes the fewest windows.

    Raises:
      ValueError: no token, or no such stride.

    References:
      The rolling log-likelihood of Gao et al., *A framework for few-shot language model
      evaluation*, whose ``context_len`` is ``context - stride + 1``.

    Example:
      >>> windows = rolling_windows(np.arange(1, 6), 0, context=3, stride=2)
      >>> windows.inputs.tolist(), windows.targets.tolist()
      ([[0, 1, 2], [2, 3, 4]], [[1, 2, 3], [3, 4, 5]])
      >>> windows.scored.tolist()
      [[True, True, True], [False, True, True]]
    """
    count = len(tokens)
    if count < 1 or not 1 <= stride <= context:
        raise ValueError(
            f"rolling_windows(context={context}, stride={stride}) of {count} tokens: "
            "expected 1 token or more, and 1 <= stride <= context"
        )
    width = min(context, count)
    ends = np.minimum(np.arange(width, count + stride, stride), count)
    ends = np.unique(ends)
    new = np.diff(ends, prepend=0)
    row = np.concatenate([[first], tokens]).astype(np.int32)
    index = ends[:, None] - width + np.arange(width)[None]
    scored = np.arange(width)[None] >= width - new[:, None]
    return Windows(row[index], row[index + 1], scored)


def scored_nats(nats: Nats, windows: Windows, batch: int) -> Float[Array, "m w"]:
    """Nats of the tokens that are scored, zero for the others; so many rows at a time.

    Args:
      nats: of targets; a model's are ``cross_entropy(model(inputs), targets)``.
      windows: of one text, or of several of one width.
      batch: rows at a time.
    """

    def of_row(row: Windows) -> Array:
        inputs, targets = (jnp.asarray(x)[None] for x in row[:2])
        found = nats(inputs, targets)[0]
        return jnp.where(row.scored, found, 0)

    rows = Windows(*map(jnp.asarray, windows))
    return jax.lax.map(of_row, rows, batch_size=batch)


def bits_per_byte(
    nats: float | Float[Array, "..."] | Float[np.ndarray, "..."], text: str | bytes
) -> float:
    """All nats of a text, in bits, over the bytes of its UTF-8: ``sum / (log 2 bytes)``.

    The bytes are those of the raw text, whatever tokens it was cut into: tokens that
    make it shorter make it no easier, and models of different tokens can be compared.

    Args:
      nats: of each token, or their sum; summed in float64.
      text: what they tell, all of it.

    Raises:
      ValueError: no text.

    Example:
      >>> round(bits_per_byte(np.log(256) * np.ones(3), "é!"), 6)
      8.0
      >>> round(bits_per_byte(np.log(65536) * np.ones(2), "é!"), 6)  # two tokens
      10.666667
    """
    size = len(text.encode() if isinstance(text, str) else text)
    if not size:
        raise ValueError("bits_per_byte of no text: expected 1 byte or more")
    return float(np.asarray(nats, np.float64).sum() / (np.log(2) * size))


def bits_per_byte_of_tokens(
    nats: Float[Array, "*n"] | Float[np.ndarray, "*n"],
    sizes: Int[np.ndarray, "*n"],
    told: Bool[Array, "*n"] | Bool[np.ndarray, "*n"],
) -> float:
    """Nats of tokens, in bits, over the bytes of these tokens: some are context alone.

    Computes ``sum_told nats / (log 2 sum_told sizes)``. Over all tokens of a text it is
    `bits_per_byte`, as their sizes add up to its bytes.

    Args:
      nats: of each token; summed in float64.
      sizes: bytes of the text that each token stands for; see ``Tokens``.
      told: which of them count.

    Raises:
      ValueError: those that count have no bytes.

    Example:
      >>> nats, sizes = np.log(2) * np.array([9.0, 12.0, 4.0]), np.array([1, 2, 2])
      >>> bits_per_byte_of_tokens(nats, sizes, np.array([False, True, True]))
      4.0
    """
    counted = np.asarray(told)
    size = int(sizes[counted].sum())
    if size < 1:
        raise ValueError(
            "bits_per_byte_of_tokens that are of no byte: expected 1 or more"
        )
    return float(np.asarray(nats, np.float64)[counted].sum() / (np.log(2) * size))
