"""Losses of small models by their size and their tokens, and the law through them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.attention_scaling.scaling_law_tables import (
    MODELS,
    extrapolation_table,
    law_table,
    loss_figure,
    loss_table,
)
from experiments.attention_scaling.settings import (
    AttentionScaling,
    ScalingLaws,
)
from experiments.attention_scaling.text_runs import Runs, corpus_of, runs_of
from experiments.report import Part
from jaxgen.report.page import figure, paragraph, section
from jaxgen.stats.extrapolation import Extrapolation, extrapolation
from jaxgen.stats.scaling_law import ScalingLaw, training_flop
from jaxgen.stats.scaling_law_bootstrap import (
    ScalingLawIntervals,
    resampled_scaling_laws,
    scaling_law_intervals,
)

HELD_OUT = 4
"""Budgets, the largest, that the law of the others is to foretell."""


class Found(NamedTuple):
    """The law of some runs.

    Attributes:
      laws: that of the runs first, then those of runs drawn again.
      intervals: of its numbers.
      beyond: how far the law of smaller budgets is off at the largest.
    """

    laws: Sequence[ScalingLaw]
    intervals: ScalingLawIntervals
    beyond: Extrapolation


def scaling_laws(experiment: AttentionScaling, folder: Path) -> Part:
    """Trains what is missing, and fits the law."""
    settings = experiment.scaling_laws
    corpus = corpus_of(settings)
    runs = {name: runs_of(settings, name, corpus, folder) for name in settings.models}
    found = {name: found_law(each, settings) for name, each in runs.items()}
    laws = {name: one for name, one in found.items() if isinstance(one, Found)}
    drawing = loss_figure(runs, {name: one.laws[0] for name, one in laws.items()})
    none = [
        paragraph(f"No law for {MODELS[name]}: {one}.")
        for name, one in found.items()
        if isinstance(one, str)
    ]
    shown = section(
        "Scaling laws of small models of text",
        figure(drawing, CAPTION),
        *none,
        law_table({name: one.intervals for name, one in laws.items()}),
        extrapolation_table({name: one.beyond for name, one in laws.items()}),
        *(loss_table(name, each) for name, each in runs.items()),
    )
    return Part(results(runs, laws), [shown], {"losses": drawing})


CAPTION = (
    "Loss on other documents by bytes trained on, a curve a net: means over seeds, bars "
    "from seed to seed. Dashed: the law fitted to all runs of a panel."
)


def found_law(runs: Runs, settings: ScalingLaws) -> Found | str:
    """The law, its intervals, and how it does beyond its budgets; or why there is none."""
    flop = np.unique(training_flop(runs.parameters, runs.tokens))
    try:
        laws = resampled_scaling_laws(*runs, resamples=settings.resamples)
        return Found(
            laws,
            scaling_law_intervals(laws),
            extrapolation(*runs, float(flop[-1 - HELD_OUT])),
        )
    except ValueError as error:  # no size matters, by a law of some runs
        return str(error)


def results(runs: Mapping[str, Runs], laws: Mapping[str, Found]) -> dict[str, Any]:
    """Every run, and the laws."""
    return {
        "rows": [
            {"model": name, "parameters": size, "tokens": tokens, "loss": loss}
            for name, each in runs.items()
            for size, tokens, loss in zip(*each, strict=True)
        ],
        "laws": {
            name: {
                "law": one.laws[0]._asdict(),
                "intervals": {
                    number: interval._asdict()
                    for number, interval in one.intervals._asdict().items()
                },
                "held_out_error": one.beyond.error._asdict(),
                "held_out_unchanged": one.beyond.unchanged._asdict(),
            }
            for name, one in laws.items()
        },
    }
