"""Every domain left out, weight and seed of one algorithm, in one compiled program."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from experiments.domain_generalization.corpora import Domains, Windows
from experiments.domain_generalization.settings import (
    Algorithms,
    DomainGeneralization,
    MethodName,
)
from experiments.domain_generalization.text_models import language_model, nats_of
from experiments.domain_generalization.text_runs import (
    FIRST,
    bits_of,
    dispatches,
    optimizer_of,
)
from experiments.training import Run, trained
from jaxgen.arrays import Array, Float, Int, Key, Metrics, PyTree, Scalar
from jaxgen.data.passes import each_in_passes
from jaxgen.models.language_model import LanguageModel
from jaxgen.objectives.aggregators import Aggregator, erm, vrex
from jaxgen.objectives.domain_alignment import coral
from jaxgen.objectives.domain_losses import Losses
from jaxgen.objectives.group_dro import group_dro
from jaxgen.objectives.invariant_risk import irmv1, with_slopes
from jaxgen.training.dispatch import feed_by_step
from jaxgen.training.domain_descent import domain_descent
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard

WEIGHTS: dict[MethodName, tuple[float, ...]] = {
    "erm": (0.0,),
    "group_dro": (0.003, 0.03),
    "vrex": (0.1, 1.0),
    "irm": (0.1, 1.0),
    "coral": (0.1, 1.0),
}
"""Of each method, among which a rule chooses; the rate of GroupDRO's own weights. In a
pilot those ten times as large were worse on the domains in training, too."""


class AlgorithmRuns(NamedTuple):
    """Bits per byte of one method, means over seeds.

    Attributes:
      weights: that were tried.
      test: of the domain left out, (domains, weights).
      validation: of every domain, on other documents, (domains, weights, domains).
      died: the step at which a run's parameters ceased to be finite, by run.
    """

    weights: tuple[float, ...]
    test: Float[np.ndarray, "k w"]
    validation: Float[np.ndarray, "k w k"]
    died: dict[int, int]


def trained_by(
    method: MethodName,
    experiment: DomainGeneralization,
    domains: Domains,
    folder: Path,
) -> AlgorithmRuns:
    """What a method comes to, whichever domain is left out; trains what is missing."""
    settings, weights = experiment.algorithms, WEIGHTS[method]
    model = language_model("attention", experiment.net)
    seeds, count = range(FIRST, FIRST + settings.seeds), len(domains.train)
    steps = settings.updates * experiment.corpus.passes

    def make(left_out: Array, weight: Array) -> Learner:
        learner = learner_of(method, model, weight, experiment.net.rate, steps)
        return feed_by_step(guard(learner), rows_without(left_out, settings, count))

    def scores(state: State, windows: Windows) -> Metrics:
        left_out = state.extra["hyper"]["left_out"].astype(jnp.int32)
        test = jnp.asarray(windows.test)[left_out][None]
        return {
            "test": bits_of(model, state, test)[0],
            "validation": bits_of(model, state, windows.validation),
        }

    axis = grid(seed=seeds, left_out=range(count), weight=weights)
    dispatch, every = dispatches(steps, evaluations=1)
    run = Run(
        method,
        make,
        axis,
        domains.windows,
        scores,
        steps,
        dispatch,
        evaluate_every=every,
    )
    found = trained(run, folder)
    shape = count, len(weights), len(seeds)
    return AlgorithmRuns(
        weights,
        found.last("test").reshape(shape).mean(2),
        found.last("validation").reshape(*shape, count).mean(2),
        dict(found.died),
    )


def rows_without(
    left_out: Array, settings: Algorithms, count: int
) -> Callable[[Windows, Key, Array], Int[Array, "n k t"]]:
    """Draws rows of windows of all domains but one, none twice in a pass."""
    size, budget = settings.each, settings.each * settings.updates
    examples = each_in_passes(size, budget, count - 1)

    def rows(windows: Windows, key: Key, step: Array) -> Int[Array, "n k t"]:
        others = left_out.astype(jnp.int32) + 1 + jnp.arange(count - 1)
        chosen = jnp.asarray(windows.train)[(others % count)[None], examples(step, key)]
        return chosen.astype(jnp.int32)

    return rows


def learner_of(
    method: MethodName,
    model: LanguageModel,
    weight: Array,
    rate: float,
    steps: int,
) -> Learner:
    """AdamW on what a method makes of the losses of domains."""

    def start(key: Key, batch: Int[Array, "n k t"]) -> PyTree:
        return model.init(key, batch[:, 0])["params"]

    losses, aggregator = objective_of(method, model, weight)
    return domain_descent(start, losses, aggregator, optimizer_of(rate, steps))


def objective_of(
    method: MethodName, model: LanguageModel, weight: Array
) -> tuple[Losses, Aggregator]:
    """The losses of domains, and what a method makes of them."""

    def scaled(params, scale, batch, key):
        del key
        return losses_of(model, params, batch, scale), {}

    def plain(params, batch, key):
        return scaled(params, 1.0, batch, key)

    def aligned(params, batch, key):
        losses, told = plain(params, batch, key)
        return losses + weight * coral(features_of(model, params, batch)), told

    return {
        "erm": lambda: (plain, erm()),
        "group_dro": lambda: (plain, group_dro(weight)),
        "vrex": lambda: (plain, vrex(weight)),
        "irm": lambda: (with_slopes(scaled), irmv1(weight)),
        "coral": lambda: (aligned, erm()),
    }[method]()


def losses_of(
    model: LanguageModel,
    params: PyTree,
    batch: Int[Array, "n k t"],
    scale: float | Scalar,
) -> Float[Array, " k"]:
    """The mean nats of each domain's windows."""
    rows = batch.reshape(-1, batch.shape[-1])
    nats = nats_of(model, params, rows, scale)
    return nats.reshape(*batch.shape[:2], -1).mean((0, 2))


def features_of(
    model: LanguageModel, params: PyTree, batch: Int[Array, "n k t"]
) -> Float[Array, "n k d"]:
    """The mean vector of each window, of which logits are products."""
    rows = batch.reshape(-1, batch.shape[-1])
    factors = model.apply({"params": params}, rows, method="factors")
    vectors = factors.vectors.mean(1)  # pyright: ignore
    return vectors.reshape(*batch.shape[:2], -1)
