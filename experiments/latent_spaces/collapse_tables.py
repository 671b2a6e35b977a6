"""What the page shows of the posterior's collapse."""

from collections.abc import Mapping

import numpy as np

from experiments.latent_spaces.settings import Collapse
from jaxgen.report.figures import curves
from jaxgen.report.page import Fragment, figure, paragraph, section, table

SILENT = 0.1
"""Nats by which a wrong code may make an image less likely, and still not be heard."""


def collapse_section(
    settings: Collapse,
    found: Mapping[int, Mapping[str, np.ndarray]],
    variances: np.ndarray,
) -> Fragment:
    """Active units over the weight of the rate, beside what a linear model would keep."""
    return section(
        "Where the posterior collapses",
        paragraph(
            "A weight w of the rate and noise of standard deviation s in a pixel have one "
            "effect: in a linear model a dimension is kept where the variance of the "
            "images along a principal component exceeds w s². Deep decoders, and a "
            "weight that is not warmed up, may lose more."
        ),
        *(
            figure(
                curves(
                    np.array(settings.weights),
                    {
                        f"noise {noise:g}, warm-up {warmup:.0%}": one["active"][
                            :, j, k
                        ].T
                        for j, noise in enumerate(settings.noises)
                        for k, warmup in enumerate(settings.warmups)
                    },
                    xlabel="weight of the rate",
                    ylabel="active units",
                ),
                f"Decoder of depth {depth}: units whose mean varies by more than "
                "0.01; each seed, their mean and its 95 % interval.",
            )
            for depth, one in found.items()
            if len(settings.weights) > 1
        ),
        beginnings(settings, found, variances),
        seen_by_the_report(found),
    )


def beginnings(
    settings: Collapse,
    found: Mapping[int, Mapping[str, np.ndarray]],
    variances: np.ndarray,
) -> Fragment:
    """Mean active units of every setting, beside those of a linear model."""
    lines = []
    for i, weight in enumerate(settings.weights):
        for j, noise in enumerate(settings.noises):
            linear = int((variances > weight * noise**2).sum())
            cells = [
                f"{one['active'][i, j, k].mean():.1f}"
                for one in found.values()
                for k in range(len(settings.warmups))
            ]
            lines.append((f"{weight:g}", f"{noise:g}", f"{linear}", *cells))
    heads = [
        f"depth {depth}, warm-up {warmup:.0%}"
        for depth in found
        for warmup in settings.warmups
    ]
    return table(
        ("weight", "noise", "linear model", *heads),
        lines,
        f"Active units, means over {settings.seeds} seeds; the linear model has as many "
        "as images have components, and is not held to the size of the code.",
    )


def seen_by_the_report(found: Mapping[int, Mapping[str, np.ndarray]]) -> Fragment:
    """Whether active units tell collapse, beside what the decoder hears of a code."""
    active, heard = (
        np.concatenate([one[name].ravel() for one in found.values()])
        for name in ("active", "heard")
    )
    silent = heard < SILENT
    told = active == 0
    return table(
        ("", "no unit active", "some active"),
        [
            (name, str(int((told & rows).sum())), str(int((~told & rows).sum())))
            for name, rows in (
                ("decoder does not hear the code", silent),
                ("decoder hears the code", ~silent),
            )
        ],
        "Runs by what a collapse report sees and by what is so: a code is not heard "
        f"where that of another image makes an image less likely by under {SILENT} nats.",
    )
