"""What was published of speed and memory by length, and the exponents that lie in it."""

from typing import NamedTuple

import numpy as np

from jaxgen.report.page import Fragment, table
from jaxgen.stats.growth import exponent

LENGTHS = np.array([1_000, 2_000, 3_000, 4_000])


class Published(NamedTuple):
    """One model of a table.

    Attributes:
      steps: a second, at each length.
      gigabytes: the most that a device held.
    """

    steps: tuple[float, ...]
    gigabytes: tuple[float, ...]


LONG_RANGE_ARENA = {
    "Transformer": Published((8.1, 4.9, 2.3, 1.4), (0.85, 2.65, 5.51, 9.48)),
    "Local attention": Published((9.2, 8.4, 7.4, 7.4), (0.42, 0.76, 1.06, 1.37)),
    "Linformer": Published((9.3, 9.1, 8.5, 7.7), (0.37, 0.55, 0.99, 0.99)),
    "Reformer": Published((4.4, 2.2, 1.5, 1.1), (0.48, 0.99, 1.53, 2.28)),
    "Sinkhorn": Published((9.1, 7.9, 6.6, 5.3), (0.47, 0.83, 1.13, 1.48)),
    "Synthesizer": Published((8.7, 5.7, 6.6, 1.9), (0.65, 1.98, 4.09, 6.99)),
    "BigBird": Published((7.4, 3.9, 2.7, 1.5), (0.77, 1.49, 2.18, 2.88)),
    "Linear Transformer": Published((9.1, 9.3, 8.6, 7.8), (0.37, 0.57, 0.80, 1.03)),
    "Performer": Published((9.5, 9.4, 8.7, 8.0), (0.37, 0.59, 0.82, 1.06)),
}
"""Tay et al., 2021, *Long range arena*, table 2: classes of texts given as bytes, batch 32
over 4 x 4 TPU v3 chips. Longformer and the sparse transformer are not in it."""


def published_exponents(one: Published) -> tuple[float, float, float, float]:
    """Exponents of time and of memory: over all lengths, and over the last octave.

    Example:
      >>> [round(x, 2) for x in published_exponents(LONG_RANGE_ARENA["Transformer"])]
      [1.26, 1.81, 1.73, 1.84]
    """
    costs = 1 / np.array(one.steps), np.array(one.gigabytes)
    ends = slice(None), [1, 3]
    all_time, last_time, all_memory, last_memory = (
        exponent(LENGTHS[end], cost[end][None]).estimate
        for cost in costs
        for end in ends
    )
    return all_time, last_time, all_memory, last_memory


def published_table() -> Fragment:
    """The exponents of every model of the Long Range Arena."""
    return table(
        (
            "published",
            "time, 1K to 4K",
            "time, 2K to 4K",
            "memory, 1K to 4K",
            "memory, 2K to 4K",
        ),
        [
            (name, *(f"{power:.2f}" for power in published_exponents(one)))
            for name, one in LONG_RANGE_ARENA.items()
        ],
        "Exponents of the length computed from table 2 of the Long Range Arena (Tay et "
        "al., 2021): steps a second and the most memory of a device; bytes of text, batch "
        "32, 4 x 4 TPU v3. One number was published for each cell, so there is no "
        "interval. Even there the Transformer's time shows 1.26: the lengths are too "
        "short, and its perceptrons too wide, for the square to be seen.",
    )
