"""From scores to findings: points against distributions, and who collapsed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.criterion import Criterion
from experiments.latent_spaces.settings import ModelName
from jaxgen.metrics.collapse_report import CollapseReport, collapse_report
from jaxgen.stats.intervals import mean_interval
from jaxgen.stats.verdict import above, below

Found = Mapping[ModelName, Mapping[str, np.ndarray]]

UNKNOWN, KNOWN = 5.0, 1.0
"""Thresholds: nats from the prior to the codes of an autoencoder, and of a VAE."""
WIDE = 0.1
"""Threshold: width of a code, in standard deviations of all codes."""
CLASSES = 10


def latent_criteria(found: Found) -> list[Criterion]:
    """That a VAE's codes are wide and fill the prior, and an autoencoder's do not.

    Thresholds were fixed after a pilot of one seed of another key, before any run that
    is reported.
    """
    wide = mean_interval(found["vae"]["width"])
    unknown, known = (
        mean_interval(found[name]["from_prior"]) for name in ("autoencoder", "vae")
    )
    return [
        Criterion(
            "The VAE's codes are distributions: each is wider than a tenth of all codes "
            "together, where an autoencoder's is a point.",
            wide,
            "of the spread of all codes",
            above(wide, WIDE),
        ),
        Criterion(
            "They fill the prior: from it to them are less than one nat.",
            known,
            "nats",
            below(known, KNOWN),
        ),
        Criterion(
            "An autoencoder's points leave it empty: from the prior to them are more than "
            "five nats.",
            unknown,
            "nats",
            above(unknown, UNKNOWN),
        ),
    ]


def reports(
    found: Mapping[Any, Mapping[str, np.ndarray]], classes: int = CLASSES
) -> dict[Any, list[CollapseReport]]:
    """Whether the code of each seed of each model collapsed, and which knob to turn.

    Args:
      found: scores of every model, each (seeds, ...).
      classes: that codes should tell apart at least.
    """
    entropy = float(np.log(classes))
    return {
        name: [
            collapse_report(
                one["rates"][seed],
                int(one["active"][seed]),
                float(one["information"][seed]),
                entropy,
                float(one["from_prior"][seed]),
            )
            for seed in range(len(one["rate"]))
        ]
        for name, one in found.items()
    }
