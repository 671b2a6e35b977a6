"""A model of bytes made of counts alone: what any network of bytes must beat."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgen.arrays import Float, Int, Shaped

LONGEST = 8
"""Bytes that one number holds."""

Codes = Shaped[np.ndarray, " g"]
"""Strings of bytes as numbers, uint64, in rising order."""


class Counts(NamedTuple):
    """How often strings of one length were seen.

    Attributes:
      strings: each once.
      times: how often.
      contexts: what strings are without their last byte, each once.
      totals: how often.
      kinds: how many different bytes followed.
    """

    strings: Codes
    times: Int[np.ndarray, " g"]
    contexts: Codes
    totals: Int[np.ndarray, " c"]
    kinds: Int[np.ndarray, " c"]


def fitted_ngram(rows: Shaped[np.ndarray, "n t"], order: int = 5) -> tuple[Counts, ...]:
    """Counts of all strings of 1 to ``order`` bytes within rows.

    Args:
      rows: of text, uint8.
      order: the longest string, 1 to 8.

    Raises:
      ValueError: no such order, no byte, or rows that are no bytes.

    Example:
      >>> one, two = fitted_ngram(np.array([[65, 66, 65]], np.uint8), order=2)
      >>> one.strings.tolist(), one.times.tolist(), two.times.tolist()
      ([65, 66], [2, 1], [1, 1])
    """
    if not 1 <= order <= LONGEST or rows.dtype != np.uint8 or not rows.size:
        raise ValueError(
            f"fitted_ngram(order={order}) of {rows.shape} {rows.dtype}: expected 1 to "
            f"{LONGEST}, and bytes, uint8"
        )
    return tuple(_counts(strings(rows, size)) for size in range(1, order + 1))


def ngram_probabilities(
    counts: Sequence[Counts], rows: Shaped[np.ndarray, "n t"]
) -> Float[np.ndarray, "n t"]:
    """The probability of each byte of a row, told from those before it.

    From ``p_0 = 1 / 256``, computes for contexts of 0, 1, ... bytes, as far as they have
    been seen::

        p_(j+1) = (times(context, byte) + kinds(context) p_j) / (totals + kinds)

    which adds up to one over bytes.

    References:
      Witten and Bell, 1991, *The zero-frequency problem*, method C, interpolated.

    Example:
      >>> counts = fitted_ngram(np.array([[65, 66, 65]], np.uint8), order=1)
      >>> ngram_probabilities(counts, np.array([[65]], np.uint8)).tolist()
      [[0.4015625]]
    """
    found = np.full(rows.shape, 1 / 256)
    for size, level in enumerate(counts, 1):
        if rows.shape[1] < size:
            break
        asked = strings(rows, size)
        times = _looked_up(level.strings, level.times, asked)
        totals, kinds = (
            _looked_up(level.contexts, of, asked >> np.uint64(8))
            for of in (level.totals, level.kinds)
        )
        before = found[:, size - 1 :]
        seen = np.maximum(totals + kinds, 1)
        told = np.where(totals, (times + kinds * before) / seen, before)
        found[:, size - 1 :] = told
    return found


def strings(
    rows: Shaped[np.ndarray, "n t"], size: int
) -> Shaped[np.ndarray, "n _places"]:
    """All strings of so many bytes within rows, as numbers.

    Example:
      >>> strings(np.array([[1, 2, 3]], np.uint8), 2).tolist()
      [[258, 515]]
    """
    places = max(rows.shape[1] - size + 1, 0)
    codes = np.zeros((len(rows), places), np.uint64)
    for offset in range(size):
        codes = codes << np.uint64(8) | rows[:, offset : offset + places]
    return codes


def _counts(codes: Shaped[np.ndarray, "n _places"]) -> Counts:
    found, times = np.unique(codes, return_counts=True)
    contexts, first, kinds = np.unique(
        found >> np.uint64(8), return_index=True, return_counts=True
    )
    totals = np.add.reduceat(times, first) if len(times) else times
    return Counts(found, times, contexts, totals, kinds)


def _looked_up(known: Codes, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The value of each string, zero of one that is not known."""
    if not len(known):
        return np.zeros(asked.shape, np.int64)
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.where(known[place] == asked, values[place], 0)
