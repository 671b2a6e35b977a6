"""Every training set and seed of one model, trained by one compiled program."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from experiments.domain_generalization.corpora import CONTEXT, Domains, Windows
from experiments.domain_generalization.settings import Corpus, Net
from experiments.domain_generalization.text_models import bits_of_domains
from experiments.domain_generalization.training_sets import Set, mixtures
from experiments.training import Run, trained
from jaxgen.arrays import Array, Int, Key, Metrics
from jaxgen.data.passes import in_passes
from jaxgen.models.language_model import LanguageModel
from jaxgen.training.adamw import adamw
from jaxgen.training.dispatch import feed_by_step
from jaxgen.training.language_modelling import language_modelling
from jaxgen.training.learner import Learner, State
from jaxgen.training.rate_shapes import trapezoid
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard

FIRST = 10
"""Of the seeds; those before were the pilot's."""
EVALUATIONS = 2
"""Of a run, at equal distances, the last at its end."""


class TextRuns(NamedTuple):
    """Bits per byte of each run.

    Attributes:
      sets: what each was trained on.
      seeds: of each.
      test: on every domain, (runs, times, domains).
      validation: on those there are to train on, (runs, times, domains).
      times: updates made by then.
      died: the step at which a run's parameters ceased to be finite, by run.
    """

    sets: list[Set]
    seeds: list[int]
    test: np.ndarray
    validation: np.ndarray
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
    folder: Path,
) -> TextRuns:
    """What every training set and seed comes to; trains what is missing."""
    table = mixtures(sets, domains.weights)
    axis = grid(seed=range(FIRST, FIRST + seeds), mixture=range(len(sets)))

    def make(mixture: Array) -> Learner:
        weights = jnp.asarray(table, jnp.float32)[mixture.astype(jnp.int32)]
        return learner_of(model, corpus, net, weights)

    run = Run(
        title,
        make,
        axis,
        domains.windows,
        scores_of(model, corpus.length),
        corpus.steps,
        dispatch_of(corpus.steps),
    )
    found = trained(run, folder)
    return TextRuns(
        [sets[int(index)] for index in axis["mixture"]],
        axis["seed"].tolist(),
        found.scores["test"],
        found.scores["validation"],
        found.steps,
        dict(found.died),
    )


def learner_of(
    model: LanguageModel, corpus: Corpus, net: Net, weights: Array
) -> Learner:
    """AdamW on windows of a mixture, none twice in a pass."""
    learner = language_modelling(model, optimizer_of(corpus, net), chunk=corpus.length)
    draw = in_passes(corpus.batch, corpus.budget, weights)

    def rows(windows: Windows, key: Key, step: Array) -> Int[Array, "b t"]:
        domain, example = draw(step, key)
        return jnp.asarray(windows.train)[domain, example].astype(jnp.int32)

    return feed_by_step(guard(learner), rows)


def optimizer_of(corpus: Corpus, net: Net):
    """AdamW, its rate up over a tenth of the run and down over the last half."""
    steps = corpus.steps
    return adamw(net.rate, trapezoid(steps, warm=steps // 10, cool=steps // 2))


def scores_of(model: LanguageModel, length: int) -> Callable[[State, Windows], Metrics]:
    """``(state, windows) -> bits per byte`` of each domain, on both sorts of windows."""

    def scores(state: State, windows: Windows) -> Metrics:
        context = length // CONTEXT
        return {
            name: bits_of_domains(
                model, state.params, jnp.asarray(getattr(windows, name)), context
            )
            for name in ("test", "validation")
        }

    return scores


def dispatch_of(steps: int) -> int:
    """Updates from one evaluation to the next: the fewest that keep to `EVALUATIONS`."""
    return next(
        steps // parts for parts in range(EVALUATIONS, 0, -1) if steps % parts == 0
    )
