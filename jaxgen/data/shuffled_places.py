"""An order of very many places that is never held in memory."""

from collections.abc import Sequence

import numpy as np

from jaxgen.arrays import Int, Shaped

ROUNDS = 6


def shuffled_places(
    places: Int[np.ndarray, " n"], count: int, seed: int | Sequence[int]
) -> Int[np.ndarray, " n"]:
    """Where places are in a seeded permutation of ``0, ..., count - 1``.

    Each costs the same, however many there are: the two halves of its digits are mixed by
    a network of rounds, again where that leads out of the range.

    Args:
      places: from 0 to ``count - 1``.
      count: of all.
      seed: whole numbers that the permutation depends on.

    Raises:
      ValueError: a place that is none.

    References:
      Luby and Rackoff, 1988, *How to construct pseudorandom permutations from pseudorandom
      functions*; into the range: Black and Rogaway, 2002, *Ciphers with arbitrary finite
      domains*, section 4.

    Example:
      >>> order = shuffled_places(np.arange(5), 5, seed=3)
      >>> sorted(order.tolist())
      [0, 1, 2, 3, 4]
    """
    if len(places) and not 0 <= places.min() <= places.max() < count:
        raise ValueError(
            f"shuffled_places(count={count}) of {places.min()} to {places.max()}: expected "
            f"0 to {count - 1}"
        )
    half = np.uint64(max(1, -(-int(count - 1).bit_length() // 2)))
    keys = np.random.SeedSequence(seed).generate_state(ROUNDS, np.uint64)
    found = _mixed(places.astype(np.uint64), half, keys)
    while (outside := found >= count).any():
        found[outside] = _mixed(found[outside], half, keys)
    return found.astype(np.int64)


def _mixed(
    places: Shaped[np.ndarray, " n"], half: np.uint64, keys: np.ndarray
) -> Shaped[np.ndarray, " n"]:
    """A permutation of all numbers of ``2 half`` binary digits."""
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = places >> half, places & mask
    for key in keys:
        left, right = right, left ^ (_scattered(right + key) & mask)
    return left << half | right


def _scattered(x: Shaped[np.ndarray, " n"]) -> Shaped[np.ndarray, " n"]:
    """Each digit depends on all: the last steps of SplitMix64 (Steele et al., 2014)."""
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)
