"""Losses of small models by their size and their tokens, and the law through them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.attention_scaling.scaling_law_tables import (
    extrapolation_table,
    law_table,
    loss_figure,
    loss_table,
)
from experiments.attention_scaling.settings import (
    AttentionScaling,
    ScalingLaws,
    TextModelName,
)
from experiments.attention_scaling.text_models import Corpus, losses, parameters
from experiments.report import Part
from jaxgen.data.text_domains import DOMAINS, documents, joined, split_documents
from jaxgen.data.text_windows import labelled_windows
from jaxgen.report.page import figure, section
from jaxgen.stats.extrapolation import Extrapolation, extrapolation
from jaxgen.stats.scaling_law import ScalingLaw, training_flop
from jaxgen.stats.scaling_law_bootstrap import (
    ScalingLawIntervals,
    resampled_scaling_laws,
    scaling_law_intervals,
)

TEST_ROWS = 512
"""Windows of other documents that a model is judged by."""

HELD_OUT = 4
"""Budgets, the largest, that the law of the others is to foretell."""


class Runs(NamedTuple):
    """Runs of one kind of model: one for each net, budget and seed.

    Attributes:
      parameters: of each.
      tokens: that it was trained on.
      losses: on other documents, in nats for each byte.
    """

    parameters: np.ndarray
    tokens: np.ndarray
    losses: np.ndarray


class Found(NamedTuple):
    """The law of some runs.

    Attributes:
      runs: what it is fitted to.
      laws: that of the runs first, then those of runs drawn again.
      intervals: of its numbers.
      beyond: how far the law of smaller budgets is off at the largest.
    """

    runs: Runs
    laws: Sequence[ScalingLaw]
    intervals: ScalingLawIntervals
    beyond: Extrapolation


def scaling_laws(experiment: AttentionScaling, folder: Path) -> Part:
    """Trains what is missing, and fits the law."""
    settings = experiment.scaling_laws
    corpus = corpus_of(settings)
    found = {
        name: found_law(runs_of(settings, name, corpus, folder), settings)
        for name in settings.models
    }
    drawing = loss_figure(
        {name: (one.runs, one.laws[0]) for name, one in found.items()}
    )
    caption = (
        "Loss on other documents by bytes trained on, a curve a net: means over seeds, "
        "and dashed the law fitted to all of them."
    )
    shown = section(
        "Scaling laws of small models of text",
        figure(drawing, caption),
        law_table({name: (one.intervals, one.laws[0]) for name, one in found.items()}),
        extrapolation_table({name: one.beyond for name, one in found.items()}),
        *(loss_table(name, one.runs) for name, one in found.items()),
    )
    return Part(results(found), [shown], {"losses": drawing})


def corpus_of(settings: ScalingLaws) -> Corpus:
    """The ten domains of the package: their first documents, and windows of the others."""
    parts = {name: split_documents(documents(name)) for name in DOMAINS}
    train = joined([text for first, _ in parts.values() for text in first])
    rows = labelled_windows(
        {name: last for name, (_, last) in parts.items()}, settings.length
    )
    whole = np.flatnonzero(~rows.padding.any(axis=1))
    chosen = np.random.default_rng(0).choice(whole, TEST_ROWS, replace=False)
    test = rows.tokens[chosen].astype(np.uint8)
    return Corpus(train, test, np.float32(1))


def runs_of(
    settings: ScalingLaws, name: TextModelName, corpus: Corpus, folder: Path
) -> Runs:
    """Every run of one kind of model."""
    rows = []
    for width in settings.widths:
        size = parameters(name, width)
        for steps, told in losses(settings, name, width, corpus, folder).items():
            tokens = steps * settings.batch * settings.length
            rows += [(size, tokens, loss) for loss in told if loss is not None]
    return Runs(*np.array(rows, float).T)


def found_law(runs: Runs, settings: ScalingLaws) -> Found:
    """The law, its intervals, and how it does beyond the budgets it was fitted to."""
    laws = resampled_scaling_laws(*runs, resamples=settings.resamples)
    flop = np.unique(training_flop(runs.parameters, runs.tokens))
    return Found(
        runs,
        laws,
        scaling_law_intervals(laws),
        extrapolation(*runs, float(flop[-1 - HELD_OUT])),
    )


def results(found: dict[TextModelName, Found]) -> dict[str, Any]:
    """Every run, and the laws."""
    return {
        "rows": [
            {"model": name, "parameters": size, "tokens": tokens, "loss": loss}
            for name, one in found.items()
            for size, tokens, loss in zip(*one.runs, strict=True)
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
            for name, one in found.items()
        },
    }
