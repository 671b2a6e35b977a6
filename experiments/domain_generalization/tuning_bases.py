"""The models that are tuned: each was trained on all domains but its target."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from experiments.domain_generalization.corpora import Domains, Windows
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.domain_generalization.text_models import language_model, logits_of
from experiments.domain_generalization.text_runs import FIRST, learner_of
from experiments.domain_generalization.training_sets import all_but_one, mixtures
from experiments.domain_generalization.tuning_data import (
    SIDES,
    Shown,
    told_of_target,
)
from experiments.training import Run, Trajectories, is_done, train, trained
from jaxgen.arrays import Array, Float, Metrics, PyTree
from jaxgen.models.language_model import LanguageModel
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import grid


class Judged(NamedTuple):
    """Bits per byte, or calibration errors, means over seeds.

    Attributes:
      own: of each target.
      others: of all other domains in training, their mean.
    """

    own: Float[np.ndarray, "j ..."]
    others: Float[np.ndarray, "j ..."]


class Bases(NamedTuple):
    """The models before any tuning.

    Attributes:
      params: with a leading axis, each target's seeds in turn; read when they are needed.
      judged: by bytes of a prompt before each window: none, and some.
      errors: of calibration, likewise.
    """

    params: Callable[[], PyTree]
    judged: dict[int, Judged]
    errors: dict[int, Judged]


def model_of(experiment: DomainGeneralization) -> LanguageModel:
    """The model that is tuned."""
    return language_model("attention", experiment.net)


def bases_of(
    experiment: DomainGeneralization, domains: Domains, shown: Shown, folder: Path
) -> Bases:
    """The models; trains them where they are missing."""
    corpus, net, model = experiment.corpus, experiment.net, model_of(experiment)
    settings = experiment.fine_tuning
    prompts = (0, *settings.prompts)
    sets = all_but_one(len(domains.train))[: settings.targets]
    table = jnp.asarray(mixtures(sets, domains.weights), jnp.float32)
    axis = grid(seed=range(FIRST, FIRST + settings.seeds), target=range(len(sets)))

    def make(target: Array) -> Learner:
        return learner_of(model, corpus, net, table[target.astype(jnp.int32)])

    def scores(state: State, windows: Windows) -> Metrics:
        del windows
        target = state.extra["hyper"]["target"].astype(jnp.int32)

        def logits(rows: Array) -> Array:
            return logits_of(model, state.params, rows)

        each = [told_of_target(logits, target, shown, prompt) for prompt in prompts]
        return {which: jnp.stack([one[which] for one in each]) for which in each[0]}

    steps = corpus.steps
    run = Run("before tuning", make, axis, domains.windows, scores, steps, steps)

    @cache
    def params() -> PyTree:
        return train(run, folder)

    if not is_done(folder, steps):
        params()
    found = trained(run, folder)
    return Bases(
        params,
        judged_of(found, prompts, settings.seeds),
        judged_of(found, prompts, settings.seeds, "_error"),
    )


def judged_of(
    found: Trajectories, prompts: Sequence[int], seeds: int, suffix: str = ""
) -> dict[int, Judged]:
    """Scores at the end, by bytes of the prompt: bits, or those that end so."""

    def of(which: str) -> np.ndarray:
        last = found.last(which)
        return last.reshape(-1, seeds, len(prompts)).mean(1)

    own, others = (of(side + suffix) for side in SIDES)
    return {
        prompt: Judged(own[:, place], others[:, place])
        for place, prompt in enumerate(prompts)
    }
