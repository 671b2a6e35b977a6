"""From scores of text to findings: whether the distribution is what generates."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.criterion import Criterion
from jaxgen.stats.intervals import mean_interval, paired_difference
from jaxgen.stats.verdict import above

Coded = Mapping[Any, Mapping[str, np.ndarray]]
"""Scores of codes, by the name of the model."""
Told = Mapping[Any, Mapping[str, np.ndarray]]
"""Scores of what is written, by the model and by where its codes are drawn."""

HEARD = 1.0
"""Threshold: nats of a window that the code of another one must cost."""
UNLIKE, AWAY = 0.5, 0.1
"""Thresholds: bits of a byte that an autoencoder's text must need more, and real text
by it. Between real text and shuffled bytes lie about seven, and two."""


def text_criteria(coded: Coded, told: Told) -> list[Criterion]:
    """That the prior's codes are told as text in a VAE, and are not in an autoencoder.

    The VAE is the one with free bits, whose code is used; both ways of n-grams must say
    so, as text that is all alike is told well by those of real text. Thresholds were
    fixed after a pilot of two seeds of another key, before any run that is reported.
    """
    heard = mean_interval(coded["free"]["heard"])
    point, dense = told["point", "prior"], told["free", "prior"]
    unlike, away = (
        paired_difference(point[way], dense[way]).interval for way in ("bits", "back")
    )
    return [
        Criterion(
            "The decoder of the VAE with free bits hears the code: that of another "
            "window costs more than a nat.",
            heard,
            "nats",
            above(heard, HEARD),
        ),
        Criterion(
            "From the prior, the autoencoder's text is less like real text: n-grams of "
            "real text need more than half a bit more for each byte of it.",
            unlike,
            "bits of a byte",
            above(unlike, UNLIKE),
        ),
        Criterion(
            "And real text is less like it: n-grams of the autoencoder's text need more "
            "than a tenth of a bit more for each real byte.",
            away,
            "bits of a byte",
            above(away, AWAY),
        ),
    ]


def text_means_no_more(told: Told) -> list[Criterion]:
    """Whether it is the prior that fails, and whether text needs the code at all."""
    dense = told["free", "prior"]["bits"]
    fitted, plain = (
        paired_difference(told[one]["bits"], dense).interval
        for one in (("point", "mixture"), ("plain", "prior"))
    )
    return [
        Criterion(
            "With a mixture fitted to its codes, the autoencoder's text still is less "
            "like real text than that of the VAE with its prior.",
            fitted,
            "bits of a byte",
            above(fitted, 0.0),
        ),
        Criterion(
            "Without free bits, where the code may be lost, the VAE's text is less like "
            "real text than with them.",
            plain,
            "bits of a byte",
            above(plain, 0.0),
        ),
    ]
