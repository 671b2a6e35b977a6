"""Every method, environment left out and seed of a set, in one compiled program."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.digits import convolution
from experiments.domain_generalization.domainbed_data import (
    VIEWS,
    Digits,
    environments_but,
    places_of,
)
from experiments.domain_generalization.domainbed_table import DEFAULTS, ENVIRONMENTS
from experiments.domain_generalization.image_learning import (
    METHODS,
    PARTS,
    Images,
    errors,
    image_learner,
    numbers_of,
)
from experiments.domain_generalization.image_settings import DomainBed, SetName
from experiments.domain_generalization.method_names import MethodName
from experiments.domain_generalization.text_runs import FIRST
from experiments.training import Run, trained
from jaxgen.arrays import Array, Bool, Float, Metrics, PyTree
from jaxgen.keys import named
from jaxgen.models.pooled_classifier import PooledClassifier
from jaxgen.training.dispatch import feed_by_step
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard


class SetRuns(NamedTuple):
    """Wrong answers of one method, in per cent.

    Attributes:
      steps: updates made at each evaluation.
      test: in the environment left out, (environments, evaluations, seeds).
      validation: on held images of each, (environments, evaluations, seeds, environments).
      died: the step at which a run's parameters ceased to be finite, by run.
    """

    steps: tuple[int, ...]
    test: Float[np.ndarray, "k t s"]
    validation: Float[np.ndarray, "k t s k"]
    died: dict[int, int]


def methods_of(settings: DomainBed, name: SetName) -> tuple[MethodName, ...]:
    """Those that learn a set: angles the mean loss alone, as they say little of others."""
    return settings.methods if name == "colored" else ("erm",)


def trained_on_set(
    name: SetName, settings: DomainBed, data: Digits, folder: Path
) -> dict[MethodName, SetRuns]:
    """What every method comes to, whatever is left out; trains what is missing."""
    methods, count = methods_of(settings, name), len(ENVIRONMENTS[name])
    axis = grid(
        seed=range(FIRST, FIRST + settings.seeds),
        method=numbers_of(methods),
        left_out=range(count),
    )
    run = Run(
        f"digits, {name}",
        lambda method, left_out: learner_of(name, settings, method, left_out),
        axis,
        data,
        scores_of(name, settings),
        settings.steps,
        settings.steps // settings.evaluations,
    )
    found = trained(run, folder)
    shape = len(methods), count, settings.seeds, -1
    test = found.scores["test"][:, 1:].reshape(shape).swapaxes(2, 3)
    held = found.scores["validation"][:, 1:].reshape(*shape, count).swapaxes(2, 3)
    each = count * settings.seeds
    return {
        method: SetRuns(
            tuple(found.steps[1:].tolist()),
            test[place],
            held[place],
            {row: step for row, step in found.died.items() if row // each == place},
        )
        for place, method in enumerate(methods)
    }


def learner_of(
    name: SetName, settings: DomainBed, method: Array, left_out: Array
) -> Learner:
    """Adam at the default hyperparameters on all environments but one."""
    weight = jnp.array([DEFAULTS[each] for each in METHODS])[method.astype(jnp.int32)]
    anew = (method == METHODS.index("irm")) | (method == METHODS.index("vrex"))
    adam = begun_anew(optax.adam(settings.rate), settings.anneal, anew)
    net = net_of(settings, name)
    learner = image_learner(net, method, weight, settings.anneal, adam)
    return feed_by_step(guard(learner), environments_but(name, left_out, settings.each))


def begun_anew(
    optimizer: optax.GradientTransformation, after: int, really: Bool[Array, ""]
) -> optax.GradientTransformation:
    """The optimizer, which forgets all it has gathered after so many updates.

    DomainBed does so where a penalty gets its full weight and gradients leap.
    """

    def init(params: PyTree):
        return jnp.zeros((), jnp.int32), optimizer.init(params)

    def update(updates: Any, state: Any, params: Any = None):
        count, inner = state
        fresh = optimizer.init(updates)
        now = really & (count == after)
        inner = jax.tree.map(lambda new, old: jnp.where(now, new, old), fresh, inner)
        updates, inner = optimizer.update(updates, inner, params)
        return updates, (count + 1, inner)

    return optax.GradientTransformation(init, update)


def net_of(settings: DomainBed, name: SetName) -> PooledClassifier:
    """Four layers, as published but for their width."""
    first, later = settings.width, 2 * settings.width
    widths = first, later, later, later
    return PooledClassifier(VIEWS[name][1], widths, convolve=convolution())


def scores_of(name: SetName, settings: DomainBed) -> Callable[[State, Digits], Metrics]:
    """``(state, data) -> scores`` of one run: where it was left out, and on held images."""
    net, (view, _) = net_of(settings, name), VIEWS[name]
    count, most = len(ENVIRONMENTS[name]), settings.judged

    def scores(state: State, data: Digits) -> Metrics:
        key = named(state.key, "data")
        places = places_of(len(data.digits), count, key)
        left_out = state.extra["hyper"]["left_out"].astype(jnp.int32)
        # held images of each environment, beside four parts of the one left out
        parts = places.learned[left_out].reshape(PARTS - 1, -1)
        columns = jnp.concatenate([places.held, parts])
        environment = jnp.append(jnp.arange(count), jnp.repeat(left_out, PARTS - 1))

        def shown(numbers: Array) -> Images:
            return view(data, key, columns[:, numbers].T, environment)

        judged = min(most, columns.shape[1])
        told = errors(net, state.params, shown, judged)
        return {"test": told[count:].mean(), "validation": told[:count]}

    return scores
