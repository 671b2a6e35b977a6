"""From runs on few and on many domains to slopes, and what they decide."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments.criterion import Criterion
from experiments.domain_generalization.training_sets import Set
from jaxgen.arrays import Float
from jaxgen.stats.intervals import PairedDifference, paired_difference
from jaxgen.stats.student import student_interval
from jaxgen.stats.verdict import below

CLAIM = (
    "Of text of a domain that it never saw, a language model tells more the more domains "
    "it was trained on, of the same number of bytes"
)
MARGIN = 0.02
"""Threshold: bits per byte, a doubling of the domains, that count as nothing."""


class BySize(NamedTuple):
    """Bits per byte by the number of domains a model was trained on.

    Attributes:
      sizes: numbers of domains.
      unseen: of each domain, the mean over all models that were not trained on it,
        (domains, sizes).
      seen: of each domain to train on, the mean over those that were.
      worst: of the worst unseen domain, for each size one number for each training set.
    """

    sizes: tuple[int, ...]
    unseen: Float[np.ndarray, "j s"]
    seen: Float[np.ndarray, "k s"]
    worst: tuple[np.ndarray, ...]


def by_size(
    sets: Sequence[Set],
    bits: Float[np.ndarray, "n j"],
    sizes: tuple[int, ...],
    trained: int,
) -> BySize:
    """Bits of runs, put together by the size of their training sets.

    Every model tells of all domains that it was not trained on, so that each domain is
    told of by as many models as leave it out.

    Args:
      sets: what each run was trained on.
      bits: of each run, on every domain; those to train on are first.
      sizes: of training sets.
      trained: how many domains there are to train on.
    """
    counts = np.array([len(chosen) for chosen in sets])
    inside = np.zeros(bits.shape, bool)
    for row, chosen in zip(inside, sets, strict=True):
        row[list(chosen)] = True

    def means(which: np.ndarray) -> np.ndarray:
        return np.stack(
            [_means(bits, which & (counts == size)[:, None]) for size in sizes], axis=1
        )

    worst = np.where(inside, -np.inf, bits).max(1)
    of_size = tuple(worst[counts == size] for size in sizes)
    return BySize(sizes, means(~inside), means(inside)[:trained], of_size)


def slopes(
    bits: Float[np.ndarray, "j s"], sizes: Sequence[int]
) -> Float[np.ndarray, " j"]:
    """The slope of each domain's line of least squares: bits a doubling of the size.

    Example:
      >>> slopes(np.array([[4.0, 3.0, 2.0]]), (1, 2, 4)).tolist()
      [-1.0]
    """
    doublings = np.log2(sizes) - np.log2(sizes).mean()
    return bits @ doublings / (doublings**2).sum()


def slope_test(found: BySize) -> PairedDifference:
    """The mean slope over unseen domains, with a sign-flip test."""
    steep = slopes(found.unseen, found.sizes)
    p_value = paired_difference(steep, np.zeros_like(steep)).p_value
    return PairedDifference(student_interval(steep), p_value)


def diversity_criteria(found: BySize) -> list[Criterion]:
    """The claim, as it was written down after a pilot with another seed."""
    interval = slope_test(found).interval
    return [
        Criterion(
            f"Unseen domains: more than {MARGIN} bits per byte fewer for each doubling of "
            "the training domains.",
            interval,
            "bits per byte a doubling",
            below(interval, -MARGIN),
        )
    ]


def _means(bits: np.ndarray, which: np.ndarray) -> np.ndarray:
    """The mean of each column over the rows that count; NaN where none does."""
    counts = which.sum(0)
    total = np.where(which, bits, 0).sum(0)
    return np.where(counts, total / np.maximum(counts, 1), np.nan)
