"""Weights of each step against their formulas, and a multiplier against its optimum."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.training.descent import descent
from jaxgen.training.geco import geco
from jaxgen.training.weight_schedules import cyclical, linear, scheduled
from learners import POINTS, trajectory


def pulled(weight):
    """Its parameter falls by the weight at each step."""

    def loss(w, x, key):
        return weight * w, {}

    return descent(lambda key, x: jnp.zeros(()), loss, optax.sgd(1.0))


@pytest.mark.parametrize(
    "schedule, weights",
    [
        (linear(2.0, steps=4), [0, 0.5, 1, 1.5, 2, 2, 2, 2, 2]),
        (linear(1.0, steps=2, start=5.0), [5, 3, 1, 1, 1, 1, 1, 1, 1]),
        (cyclical(3.0, steps=4), [0, 1.5, 3, 3, 0, 1.5, 3, 3, 0]),
        (cyclical(1.0, steps=4, rising=1.0), [0, 0.25, 0.5, 0.75] * 2 + [0]),
    ],
)
def test_a_learner_is_made_of_the_weight_of_its_step(schedule, weights, key):
    _, states, metrics = trajectory(scheduled(pulled, schedule), key, POINTS, 9)
    np.testing.assert_allclose(metrics["weight"], weights)
    np.testing.assert_allclose(states.params, -np.cumsum(weights), rtol=1e-6)


def test_schedules_nest(key):
    def make(one):
        return scheduled(lambda two: pulled(one + two), linear(1.0, 2), name="two")

    _, states, metrics = trajectory(scheduled(make, linear(4.0, 4)), key, POINTS, 4)
    np.testing.assert_allclose(metrics["weight"] + metrics["two"], [0, 1.5, 3, 4])
    np.testing.assert_allclose(states.params[-1], -8.5)


@pytest.mark.parametrize(
    "make, complaint",
    [
        (lambda: linear(1.0, 0), r"linear\(steps=0\)"),
        (lambda: cyclical(1.0, 0), r"cyclical\(steps=0\)"),
        (lambda: cyclical(1.0, 4, 0.0), r"rising=0.0\): expected a share"),
        (lambda: cyclical(1.0, 4, 1.5), r"rising=1.5\): expected a share"),
    ],
)
def test_schedules_without_length_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


def bounded(multiplier):
    """Minimizes ``w^2 / 2 + multiplier (w - 2)^2 / 2``, whose second part is told."""

    def loss(w, x, key):
        distortion = 0.5 * (w - 2) ** 2
        return 0.5 * w**2 + multiplier * distortion, {"distortion": distortion}

    return descent(lambda key, x: jnp.zeros(()), loss, optax.sgd(0.1))


def test_a_multiplier_holds_the_distortion_at_its_tolerance(key):
    # (w - 2)^2 / 2 = 1/8 at w = 3/2, where w + m (w - 2) = 0 for m = 3
    learner = geco(bounded, tolerance=0.125, rate=0.3, decay=0.5)
    _, states, metrics = trajectory(learner, key, POINTS, 400)
    assert float(states.params[-1]) == pytest.approx(1.5, abs=1e-3)
    assert float(metrics["multiplier"][-1]) == pytest.approx(3, abs=1e-2)
    weight = average = w = np.float64(0)
    for step in range(12):
        weight = 1.0 if step == 0 else weight
        gap = 0.5 * (w - 2) ** 2 - 0.125
        average = gap if step == 0 else 0.5 * average + 0.5 * gap
        assert float(metrics["multiplier"][step]) == pytest.approx(weight, rel=1e-5)
        w -= 0.1 * (w + weight * (w - 2))
        weight *= np.exp(0.3 * average)
        assert float(states.params[step]) == pytest.approx(w, rel=1e-5)


def test_a_multiplier_has_bounds(key):
    never = geco(bounded, tolerance=-10.0, rate=5.0, largest=50.0, decay=0.0)
    always = geco(bounded, tolerance=10.0, rate=5.0, largest=50.0, decay=0.0)
    for learner, bound in ((never, 50.0), (always, 0.02)):
        _, states, _ = trajectory(learner, key, POINTS, 3)
        assert float(states.extra["geco"]["weight"][-1]) == pytest.approx(bound)
