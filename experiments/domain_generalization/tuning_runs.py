"""Every target, number of shots and rate of one way to tune, in one compiled program."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from experiments.domain_generalization.fine_tuning_settings import (
    FineTuning,
    TuningName,
)
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.domain_generalization.text_runs import FIRST
from experiments.domain_generalization.tuning_bases import Judged, model_of
from experiments.domain_generalization.tuning_data import (
    SCORES,
    SIDES,
    Data,
    Known,
    rows_of_target,
    told_of_target,
)
from experiments.domain_generalization.tuning_methods import (
    RATES,
    Method,
    method_of,
)
from experiments.training import Run, is_done, trained
from jaxgen.arrays import Array, Int, Key, Metrics, PyTree
from jaxgen.models.adaptation import learned_numbers
from jaxgen.models.language_model import LanguageModel
from jaxgen.objectives.language import cross_entropy
from jaxgen.training.adamw import adamw
from jaxgen.training.adaptation import adapted, with_base
from jaxgen.training.dispatch import feed_by_step
from jaxgen.training.learner import Learner, State
from jaxgen.training.rate_shapes import warm_up
from jaxgen.training.replicate import grid
from jaxgen.training.soups import interpolations
from jaxgen.training.transforms import ema, guard


class Tuned(NamedTuple):
    """What a method comes to.

    Attributes:
      bits: (targets, shots, rates, points); the first point is before the first update.
      errors: of calibration, likewise.
      way: bits at equal shares of the way from before to the end, zero first.
      numbers: that are learned.
      died: the step at which a run's parameters ceased to be finite, by run.
    """

    bits: Judged
    errors: Judged
    way: Judged
    numbers: int
    died: dict[int, int]


def tuned_by(
    name: TuningName,
    experiment: DomainGeneralization,
    load: Callable[[], Data],
    folder: Path,
) -> Tuned:
    """What a method comes to; trains what is missing, and loads data if there is any."""
    settings, model = experiment.fine_tuning, model_of(experiment)
    bases = range(settings.targets * settings.seeds)
    axis = grid(seed=(FIRST,), base=bases, shots=settings.shots, rate=RATES[name])
    steps = settings.updates
    run = Run(
        name,
        made_by(name, model, settings),
        axis,
        None if is_done(folder, steps) else load(),
        judged_by(name, model, settings),
        steps,
        steps // settings.points,
    )
    found = trained(run, folder)
    shape = settings.targets, settings.seeds, len(settings.shots), len(RATES[name])

    def over_seeds(scores: np.ndarray) -> np.ndarray:
        return scores.reshape(*shape, -1).mean(1)

    def way(which: str) -> np.ndarray:
        if name != "full":
            return np.zeros((shape[0], *shape[2:], 0))
        return over_seeds(found.last(f"way_{which}"))

    return Tuned(
        Judged(*(over_seeds(found.scores[side]) for side in SIDES)),
        Judged(*(over_seeds(found.scores[f"{side}_error"]) for side in SIDES)),
        Judged(*map(way, SIDES)),
        numbers_of(name, model, settings),
        dict(found.died),
    )


def made_by(
    name: TuningName, model: LanguageModel, settings: FineTuning
) -> Callable[..., Learner]:
    """Of a row's numbers, its learner."""

    def make(base: Array, shots: Array, rate: Array) -> Learner:
        row = base.astype(jnp.int32)
        rows = rows_of_target(row // settings.seeds, shots, settings.batch)

        def on(known: Known) -> Learner:
            params, method = given(known, row, name, model, settings)
            learner = guard(learner_of(params, method, rate, settings.updates))
            if name == "ema":
                learner = ema(learner, settings.decay)
            return feed_by_step(learner, rows)

        return with_base(on)

    return make


def judged_by(
    name: TuningName, model: LanguageModel, settings: FineTuning
) -> Callable[[State, Data], Metrics]:
    """What a row comes to; of full tuning, at its end, with the way there."""

    def scores(state: State, data: Data) -> Metrics:
        known, shown = data
        row = state.extra["hyper"]["base"].astype(jnp.int32)
        params, method = given(known, row, name, model, settings)
        adapter = state.extra["ema"] if name == "ema" else state.params
        tuned = method.adaptation.apply(params, adapter)

        def told(params: PyTree) -> Metrics:
            def logits(rows: Array) -> Array:
                return method.logits(params, rows)

            return told_of_target(logits, row // settings.seeds, shown)

        if name != "full":
            return told(tuned)
        due = state.step == settings.updates
        return on_the_way(told, params, tuned, due, settings.points)

    return scores


def given(
    known: Known,
    row: Int[Array, ""],
    name: TuningName,
    model: LanguageModel,
    settings: FineTuning,
) -> tuple[PyTree, Method]:
    """The parameters of a row's model, and its method."""
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf)[row], known.bases)
    prompt = jnp.asarray(known.prompts)[row // settings.seeds].astype(jnp.int32)
    return params, method_of(name, model, settings, prompt)


def learner_of(params: PyTree, method: Method, rate: Array, steps: int) -> Learner:
    """AdamW, its rate up over a tenth of the run, then constant: any point is an end."""

    def loss(tuned: PyTree, rows: Array, key: Key) -> tuple[Array, Metrics]:
        del key
        return cross_entropy(method.logits(tuned, rows), rows[:, 1:]).mean(), {}

    optimizer = adamw(rate, lambda step: warm_up(step, steps // 10), decay=0.0)
    return adapted(params, method.adaptation, loss, optimizer)


def on_the_way(
    told: Callable[[PyTree], Metrics],
    params: PyTree,
    tuned: PyTree,
    due: Array,
    points: int,
) -> Metrics:
    """Scores of a tuned model, and, once it is due, at equal shares of the way to it.

    The loop has one body: the model is compiled once for all of them.
    """
    shares = jnp.concatenate([jnp.ones(1), jnp.linspace(0, 1, points + 1)])

    def judged(place: Array) -> Metrics:
        stack = interpolations(params, tuned, shares[place][None])
        return told(jax.tree.map(lambda leaf: leaf[0], stack))

    def then(place: Array, found: Metrics) -> Metrics:
        return {
            which: found[which].at[place].set(value)
            for which, value in judged(place).items()
        }

    nothing = {which: jnp.zeros(len(shares)) for which in SCORES}
    count = jnp.where(due, len(shares), 1)
    found = lax.fori_loop(0, count, then, nothing)
    ways = {f"way_{which}": values[1:] for which, values in found.items()}
    return {**{which: values[0] for which, values in found.items()}, **ways}


def numbers_of(name: TuningName, model: LanguageModel, settings: FineTuning) -> int:
    """How many numbers a method learns."""
    tokens = jax.ShapeDtypeStruct((1, 1), jnp.int32)
    params = jax.eval_shape(model.init, jax.random.key(0), tokens)["params"]

    def first(params: PyTree) -> PyTree:
        prompt = jnp.zeros(settings.prefix, jnp.int32)
        method = method_of(name, model, settings, prompt)
        return method.adaptation.init(jax.random.key(0), params)

    return learned_numbers(jax.eval_shape(first, params))
