"""Every training set and seed of one model, trained by one compiled program."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import optax

from experiments.domain_generalization.corpora import CONTEXT, Domains, Windows
from experiments.domain_generalization.settings import Corpus, Net
from experiments.domain_generalization.text_models import bits_of_domains
from experiments.domain_generalization.training_sets import Set, mixtures
from experiments.training import Run, trained
from jaxgen.arrays import Array, Float, Int, Key, Metrics, Shaped
from jaxgen.data.passes import in_passes
from jaxgen.models.language_model import LanguageModel
from jaxgen.training.adamw import adamw
from jaxgen.training.dispatch import feed_by_step
from jaxgen.training.language_modelling import language_modelling
from jaxgen.training.learner import Learner, State
from jaxgen.training.rate_shapes import trapezoid
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard

FIRST = 20
"""Of the seeds; those before were the pilots'."""
PARTS = 4
"""Of a run, between which it can stop and continue, where its steps divide so."""


class TextRuns(NamedTuple):
    """Bits per byte of each run.

    Attributes:
      sets: what each was trained on.
      seeds: of each.
      test: on every domain, (runs, times, domains); the first time is before training.
      times: updates made by then.
      died: the step at which a run's parameters ceased to be finite, by run.
    """

    sets: list[Set]
    seeds: list[int]
    test: np.ndarray
    times: np.ndarray
    died: dict[int, int]


def trained_on_sets(
    title: str,
    model: LanguageModel,
    corpus: Corpus,
    net: Net,
    domains: Domains,
    sets: Sequence[Set],
    seeds: int,
    evaluations: int,
    folder: Path,
) -> TextRuns:
    """What every training set and seed comes to; trains what is missing."""
    table = mixtures(sets, domains.weights)
    axis = grid(seed=range(FIRST, FIRST + seeds), mixture=range(len(sets)))

    def make(mixture: Array) -> Learner:
        weights = jnp.asarray(table, jnp.float32)[mixture.astype(jnp.int32)]
        return learner_of(model, corpus, net, weights)

    def scores(state: State, windows: Windows) -> Metrics:
        return {"test": bits_of(model, state, windows.test)}

    dispatch, every = dispatches(corpus.steps, evaluations)
    found = trained(
        Run(
            title,
            make,
            axis,
            domains.windows,
            scores,
            corpus.steps,
            dispatch,
            evaluate_every=every,
        ),
        folder,
    )
    return TextRuns(
        [sets[int(index)] for index in axis["mixture"]],
        axis["seed"].tolist(),
        found.scores["test"],
        found.steps,
        dict(found.died),
    )


def learner_of(
    model: LanguageModel, corpus: Corpus, net: Net, weights: Array
) -> Learner:
    """AdamW on windows of a mixture, none twice in a pass."""
    optimizer = optimizer_of(net.rate, corpus.steps)
    learner = language_modelling(model, optimizer, chunk=corpus.length)
    draw = in_passes(corpus.batch, corpus.budget, weights)

    def rows(windows: Windows, key: Key, step: Array) -> Int[Array, "b t"]:
        domain, example = draw(step, key)
        return jnp.asarray(windows.train)[domain, example].astype(jnp.int32)

    return feed_by_step(guard(learner), rows)


def optimizer_of(rate: float | Array, steps: int) -> optax.GradientTransformation:
    """AdamW, its rate up over a tenth of the run and down over the last half."""
    return adamw(rate, trapezoid(steps, warm=steps // 10, cool=steps // 2))


def bits_of(
    model: LanguageModel, state: State, windows: Shaped[Array | np.ndarray, "k m u"]
) -> Float[Array, " k"]:
    """Bits per byte of each domain's windows, whose first quarter is context alone."""
    windows = jnp.asarray(windows)
    context = (windows.shape[-1] - 1) // CONTEXT
    return bits_of_domains(model, state.params, windows, context)


def dispatches(steps: int, evaluations: int) -> tuple[int, int]:
    """Steps of a dispatch, and dispatches from one of so many evaluations to the next.

    Example:
      >>> dispatches(400, 2), dispatches(7, 2)
      ((100, 2), (7, 1))
    """
    parts = next(n for n in (PARTS, evaluations, 1) if steps % n == 0)
    return steps // parts, parts // min(parts, evaluations)
