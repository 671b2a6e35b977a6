"""Which domains a model is trained on, and how much of each."""

from collections.abc import Sequence

import numpy as np

from jaxgen.arrays import Float, Shaped

Set = tuple[int, ...]
"""Numbers of domains, in rising order."""

CIRCLES = 2
"""Seed of the circles; those of 1 were the pilot's."""


def sets_on_circles(domains: int, sizes: Sequence[int], draws: int) -> list[Set]:
    """Training sets that are stretches of random circles of all domains, each once.

    Every domain has, on each circle, a stretch of each size that starts behind it and
    leaves it out; those of one start are nested. All stretches of one size have each
    domain equally often, so that which domains are few and which are many does not
    matter. Where one domain is a set, all are, whatever the circle.

    Args:
      domains: how many there are.
      sizes: of sets, each smaller than that.
      draws: circles.

    Raises:
      ValueError: a size that leaves no domain out.

    Example:
      >>> sets_on_circles(3, (1, 2), draws=1)
      [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    """
    if max(sizes) >= domains:
        raise ValueError(
            f"--diversity.sizes {' '.join(map(str, sizes))}: of {domains} domains; "
            f"expected {domains - 1} or fewer, so that one is left out"
        )
    chance = np.random.default_rng(CIRCLES)
    circles = [chance.permutation(domains) for _ in range(draws)]
    found = {
        tuple(sorted(np.roll(circle, -start)[:size].tolist()))
        for circle in circles
        for size in sizes
        for start in range(domains)
    }
    return sorted(found, key=lambda chosen: (len(chosen), chosen))


def all_but_one(domains: int) -> list[Set]:
    """Training sets that leave out each domain in turn.

    Example:
      >>> all_but_one(3)
      [(1, 2), (0, 2), (0, 1)]
    """
    return [
        tuple(other for other in range(domains) if other != left_out)
        for left_out in range(domains)
    ]


def mixtures(
    sets: Sequence[Set], weights: Float[np.ndarray, " k"]
) -> Float[np.ndarray, "n k"]:
    """Weights of the domains of each set, adding up to one, zero for all others.

    Example:
      >>> mixtures([(0, 2)], np.array([0.25, 0.25, 0.5])).round(3)
      array([[0.333, 0.   , 0.667]])
    """
    table = np.zeros((len(sets), len(weights)))
    for row, chosen in zip(table, sets, strict=True):
        row[list(chosen)] = weights[list(chosen)]
    return table / table.sum(1, keepdims=True)


def rows_of(
    windows: Shaped[np.ndarray, "k n t"], mixture: Float[np.ndarray, " k"], budget: int
) -> Shaped[np.ndarray, "_budget t"]:
    """All windows that a run of a mixture sees in a pass, as `in_passes` draws them.

    Example:
      >>> windows = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
      >>> rows_of(windows, np.array([0.75, 0.25]), 4).ravel().tolist()
      [0, 1, 2, 3]
    """
    ends = np.round(budget * np.cumsum(mixture)).astype(int)
    counts = np.diff(ends, prepend=0)
    return np.concatenate(
        [each[:count] for each, count in zip(windows, counts, strict=True)]
    )


def unique_bytes(rows: Shaped[np.ndarray, "n t"]) -> int:
    """Bytes of windows that differ from one another.

    Example:
      >>> unique_bytes(np.array([[1, 2], [3, 4], [1, 2]]))
      4
    """
    return np.unique(rows, axis=0).size
