"""Tables and figures of what the number of training domains does."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.domain_generalization.diversity_findings import (
    BySize,
    slope_test,
    slopes,
)
from jaxgen.arrays import Float
from jaxgen.report.figures import curves, outcomes
from jaxgen.report.matrix import matrix
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.intervals import mean_interval
from jaxgen.stats.student import found, student_interval

MODEL, COUNTS, BYTES = "language model", "5-gram", "bytes alone"
FORM = "z.3f"


def size_table(sides: Mapping[str, BySize]) -> Fragment:
    """Bits of unseen and of seen domains by the size of the training set."""
    model = sides[MODEL]
    rows = [
        (
            str(size),
            *(_mean(side.unseen[:, i]) for side in sides.values()),
            _worst(model.worst[i]),
            _mean(model.seen[:, i]),
        )
        for i, size in enumerate(model.sizes)
    ]
    counts = (name for name in sides if name != MODEL)
    return table(
        ("domains", "unseen", *counts, "worst unseen", "seen"),
        rows,
        "Bits per byte by the number of training domains, with 95 % intervals over "
        "domains; of the worst unseen domain of each training set, over these. Models of "
        "counts, on unseen domains: strings of five bytes, and frequencies of bytes "
        "alone. All training sets have as many bytes.",
    )


def slope_table(sides: Mapping[str, BySize]) -> Fragment:
    """Mean slopes, each with the least that would have been found."""
    rows = []
    for name, side in sides.items():
        test = slope_test(side)
        told = found(slopes(side.unseen, side.sizes))
        own = found(slopes(side.seen, side.sizes))
        rows += [
            (
                f"unseen, {name}",
                interval_text(told.interval, FORM),
                f"{test.p_value:.3f}",
                f"{told.detectable:.3f}",
            ),
            (
                f"seen, {name}",
                interval_text(own.interval, FORM),
                "",
                f"{own.detectable:.3f}",
            ),
        ]
    return table(
        ("domains", "slope, bits per byte a doubling", "p", "would have been found"),
        rows,
        "Mean slopes over domains, with 95 % intervals and sign-flip tests. The last "
        "column is the least mean that a t test finds four times in five, slopes spread "
        "as these.",
    )


def domain_table(names: Sequence[str], sides: Mapping[str, BySize]) -> Fragment:
    """Bits of each unseen domain by the size of the training set, and its slope."""
    model = sides[MODEL]
    steep = [slopes(side.unseen, side.sizes) for side in sides.values()]
    rows = [
        (
            name,
            *(f"{bits:.2f}" for bits in model.unseen[i]),
            *(f"{of_side[i]:z.3f}".replace("-", "−") for of_side in steep),
        )
        for i, name in enumerate(names)
    ]
    head = (
        "unseen domain",
        *(f"of {size}" for size in model.sizes),
        "slope",
        *(f"slope, {name}" for name in sides if name != MODEL),
    )
    return table(
        head,
        rows,
        "Bits per byte of each domain, the mean over all models that were not trained on "
        "it, by the number of domains that they were trained on.",
    )


def size_figure(sides: Mapping[str, BySize]) -> str:
    """Bits by the logarithm of the size, a thin line for each domain."""
    model = sides[MODEL]
    series = {f"unseen, {name}": side.unseen for name, side in sides.items()}
    return curves(
        np.log2(model.sizes),
        {**series, f"seen, {MODEL}": model.seen},
        ylabel="bits per byte",
        xlabel="log2 of the number of training domains",
    )


def slope_figure(sides: Mapping[str, BySize]) -> str:
    """The slope of every unseen domain."""
    steep = {name: slopes(side.unseen, side.sizes) for name, side in sides.items()}
    return outcomes(
        steep,
        xlabel="bits per byte a doubling of the training domains",
        reference={"no effect": 0.0},
    )


def transfer_figure(
    bits: Float[np.ndarray, "k j"], train: Sequence[str], tested: Sequence[str]
) -> str:
    """Bits of every domain by models of one domain alone."""
    return matrix(bits, train, tested, xlabel="told", ylabel="trained on")


def _mean(bits: Float[np.ndarray, " j"]) -> str:
    return interval_text(student_interval(bits), "z.2f")


def _worst(bits: Float[np.ndarray, " n"]) -> str:
    few = len(bits) < 2  # one training set has no interval
    return f"{bits[0]:.2f}" if few else interval_text(mean_interval(bits), "z.2f")
