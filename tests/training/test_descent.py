"""Descent against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.training.descent import descent
from jaxgen.training.learner import key_for
from learners import POINTS, quadratic, trajectory


def test_a_quadratic_is_descended_geometrically(key):
    first, states, metrics = trajectory(quadratic(0.25), key, POINTS, 10)
    mean = POINTS.astype(np.float64).mean(0)
    start = np.asarray(first.params, np.float64)
    for step in range(1, 11):
        expected = mean + 0.75**step * (start - mean)
        np.testing.assert_allclose(states.params[step - 1], expected, atol=1e-6)
    spread = POINTS.astype(np.float64).var(0).sum()
    bias = ((start - mean) ** 2).sum() * 0.75 ** (2.0 * np.arange(10))
    np.testing.assert_allclose(metrics["loss"], (spread + bias) / 2, rtol=1e-5)
    assert states.step.tolist() == list(range(1, 11))


def test_least_squares_end_at_the_normal_equations(key):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40, 3)).astype(np.float32)

    def loss(w, batch, key):
        x, y = batch
        return 0.5 * ((x @ w - y) ** 2).sum(1).mean(), {}

    learner = descent(lambda key, batch: jnp.zeros((3, 3)), loss, optax.sgd(0.5))
    _, states, _ = trajectory(learner, key, (x, y), 200)
    solution = np.linalg.lstsq(x.astype(np.float64), y.astype(np.float64))[0]
    np.testing.assert_allclose(states.params[-1], solution, atol=1e-6)


def test_the_optimizer_sees_the_parameters(key):
    def flat(w, batch, key):
        return jnp.zeros(()), {}

    decay = optax.chain(optax.add_decayed_weights(0.5), optax.sgd(0.2))
    learner = descent(lambda key, batch: jnp.ones(3), flat, decay)
    _, states, _ = trajectory(learner, key, POINTS, 4)
    np.testing.assert_allclose(states.params[-1], 0.9**4 * np.ones(3), rtol=1e-6)


def test_the_loss_draws_anew_at_each_step_and_tells_its_metrics(key):
    def noisy(w, batch, key):
        return jnp.zeros(()), {"noise": jax.random.normal(key)}

    learner = descent(lambda key, batch: jnp.ones(3), noisy, optax.sgd(0.1))
    first, _, metrics = trajectory(learner, key, POINTS, 5)
    keys = [key_for(first._replace(step=jnp.int32(t)), "loss") for t in range(5)]
    expected = [float(jax.random.normal(one)) for one in keys]
    assert metrics["noise"].tolist() == pytest.approx(expected)
    assert len(set(expected)) == 5 and metrics["loss"].tolist() == [0.0] * 5
