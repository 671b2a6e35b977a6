"""The study of algorithms, every domain left out by many seeds at once, for pods."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.accelerator import Proposal, Propose
from experiments.domain_generalization.algorithm_runs import (
    WEIGHTS,
    learner_of,
    rows_without,
)
from experiments.domain_generalization.claim import PRESETS
from experiments.domain_generalization.corpora import Windows
from experiments.domain_generalization.text_models import language_model
from experiments.domain_generalization.text_runs import bits_of
from jaxgen.arrays import Array, Metrics
from jaxgen.sharding.rules import study
from jaxgen.training.dispatch import feed_by_step, repeat
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import each_row, grid, replicate
from jaxgen.training.transforms import guard

DOMAINS = 8
SEEDS = 16
STEPS = 10


def domain_study(devices: int, slices: int) -> Proposal:
    """Worst-group training against each of eight domains left out, 256 runs."""
    del slices  # rows have nothing to say to one another
    settings = PRESETS["study"]
    corpus, weights = settings.corpus, WEIGHTS["group_dro"]
    model = language_model("attention", settings.net)
    steps = settings.algorithms.updates * corpus.passes

    def make(left_out: Array, weight: Array) -> Learner:
        learner = learner_of("group_dro", model, weight, settings.net.rate, steps)
        rows = rows_without(left_out, settings.algorithms, DOMAINS)
        return feed_by_step(guard(learner), rows)

    def scores(state: State, windows: Windows) -> Metrics:
        left_out = state.extra["hyper"]["left_out"].astype(jnp.int32)
        test = jnp.asarray(windows.test)[left_out][None]
        return {"test": bits_of(model, state, test)[0]}

    axis = grid(seed=range(SEEDS), left_out=range(DOMAINS), weight=weights)
    replicas = math.gcd(len(axis["seed"]), devices)
    return Proposal(
        repeat(replicate(make, axis), STEPS),
        windows_of(
            corpus.length, settings.algorithms.each * settings.algorithms.updates
        ),
        {"replica": replicas, "data": devices // replicas},
        study(),
        evaluate=each_row(scores),
        steps=STEPS,
    )


def windows_of(length: int, count: int) -> Windows:
    """As many as a pass over the data draws, and as are tested."""

    def shaped(windows: int, size: int) -> Any:
        return jax.ShapeDtypeStruct((DOMAINS, windows, size), np.uint8)

    return Windows(
        shaped(count, length), shaped(64, length + 1), shaped(64, length + 1)
    )


PROGRAMS: dict[str, Propose] = {"domain_study": domain_study}
