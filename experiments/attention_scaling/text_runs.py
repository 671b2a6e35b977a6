"""Every run of small models of text: what it was trained on, and its loss."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.attention_scaling.settings import ScalingLaws, TextModelName
from experiments.attention_scaling.text_models import Corpus, losses, parameters
from jaxgen.data.text_domains import DOMAINS, documents, joined, split_documents
from jaxgen.data.text_windows import labelled_windows

TEST_ROWS = 512
"""Windows of other documents, at most, that a model is judged by."""


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


def corpus_of(settings: ScalingLaws) -> Corpus:
    """The ten domains of the package: their first documents, and windows of the others."""
    parts = {name: split_documents(documents(name)) for name in DOMAINS}
    train = joined([text for first, _ in parts.values() for text in first])
    rows = labelled_windows(
        {name: last for name, (_, last) in parts.items()}, settings.length
    )
    whole = np.flatnonzero(~rows.padding.any(axis=1))
    count = min(TEST_ROWS, len(whole))
    chosen = np.random.default_rng(0).choice(whole, count, replace=False)
    test = rows.tokens[chosen].astype(np.uint8)
    return Corpus(train, test, np.ones((), np.float32))


def runs_of(
    settings: ScalingLaws, name: TextModelName, corpus: Corpus, folder: Path
) -> Runs:
    """Every run of one kind of model."""
    rows, sizes = [], {width: parameters(name, width) for width in settings.widths}
    for width, size in sizes.items():
        for steps, told in losses(settings, name, width, corpus, folder).items():
            tokens = steps * settings.batch * settings.length
            rows += [(size, tokens, loss) for loss in told if loss is not None]
    return Runs(*np.array(rows, float).T)
