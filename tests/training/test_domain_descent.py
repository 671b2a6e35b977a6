"""Learners of domains end at the exact optima of two bits; transforms by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import brentq

from jaxgen.objectives.aggregators import Aggregator, erm
from jaxgen.objectives.doremi import Excess, average_mixture, doremi
from jaxgen.objectives.gradient_agreement import mean_gradient
from jaxgen.objectives.group_dro import group_dro
from jaxgen.training.descent import descent
from jaxgen.training.domain_descent import domain_descent
from jaxgen.training.domain_gradients import fish, per_domain
from jaxgen.training.gradients import microbatched, whole_batch
from jaxgen.training.sharpness import sam
from two_bits import TRAIN, accuracy, losses, optimum, table_of

X = np.random.default_rng(0).normal(size=(5, 3, 2)).astype(np.float32)
ARCS = X.astype(np.float64)


def curved(w, x, key):
    """A loss of one domain whose slope is not linear."""
    return jnp.sin(x - w[None]).sum(1).mean(), {"mean": x.mean()}


def slope_of(w, x):
    return -np.cos(x - w).mean(0)


def nats_of(flip, table):
    """The loss of a table where x2 is flipped so often."""
    p = TRAIN[0] + (flip - 0.1) / 0.1 * (TRAIN[1] - TRAIN[0])
    margins = np.array([1.0, -1.0])[:, None, None] * table[None]
    return float((p * np.logaddexp(0, -margins)).sum())


def trained(losses, aggregator: Aggregator, steps: int, rate=8.0):
    learner = domain_descent(
        lambda key, batch: jnp.zeros((2, 2)), losses, aggregator, optax.sgd(rate)
    )

    @jax.jit
    def run(batch):
        def then(state, _):
            return learner.update(state, batch)

        state = learner.init(jax.random.key(0), batch)
        return jax.lax.scan(then, state, length=steps)

    return run(jnp.zeros(()))


def test_descent_of_the_mean_ends_at_its_optimum():
    state, metrics = trained(losses, erm(), 1000)
    np.testing.assert_allclose(state.params, table_of(np.log([17, 9 / 17])), atol=1e-3)
    assert float(metrics["loss"][-1]) == pytest.approx(0.3545, abs=6e-5)
    assert metrics["losses"].shape == (1000, 2) and state.extra["domains"] == ()
    assert metrics["worst_loss"][-1] == metrics["losses"][-1, 1]
    assert accuracy(state.params, 0.9) == pytest.approx(0.1)


def test_groups_end_at_the_best_of_the_worst():
    state, metrics = trained(losses, group_dro(0.5), 1500)
    np.testing.assert_allclose(state.params, table_of(np.log([12, 3 / 4])), atol=1e-3)
    np.testing.assert_allclose(state.extra["domains"], [0, 1], atol=1e-3)
    assert float(metrics["worst_loss"][-1]) == pytest.approx(0.4153, abs=6e-5)


def test_a_mixture_ends_where_no_domain_is_worse_than_its_reference_by_more():
    references = np.array([nats_of(f, table_of(optimum(f))) for f in (0.1, 0.2)])

    def excess(table, batch, key):
        found = losses(table)[0] - references.astype(np.float32)
        return Excess(found, jnp.maximum(found, 0)), {}

    def apart(weight):
        table = table_of(optimum(0.1 + 0.1 * weight))
        found = [nats_of(f, table) for f in (0.1, 0.2)] - references
        return found[0] - found[1]

    state, metrics = trained(excess, doremi(20.0, smoothing=0.0), 3000, rate=4.0)
    weight = brentq(apart, 0.01, 0.99)
    mixture = state.extra["domains"]
    np.testing.assert_allclose(mixture.weights, [1 - weight, weight], atol=2e-3)
    np.testing.assert_allclose(
        average_mixture(mixture), [1 - weight, weight], atol=2e-2
    )
    found = metrics["losses"][-1]
    assert float(found[0]) == pytest.approx(float(found[1]), abs=1e-4)
    assert int(mixture.count) == 3000 and 0.2 < weight < 0.8


W = np.array([0.3, -0.4])


def gathered(transform):
    """Value, metrics and gradient of the curved loss of all domains at ``W``."""
    run = jax.jit(transform(curved))
    (value, told), slope = run(jnp.asarray(W, jnp.float32), X, jax.random.key(3))
    assert float(told["mean"]) == pytest.approx(ARCS.mean(), rel=1e-5)
    return float(value), np.asarray(slope)


def test_the_mean_of_gradients_is_the_gradient_of_the_mean():
    value, slope = gathered(per_domain(mean_gradient))
    expected = np.mean([slope_of(W, ARCS[:, k]) for k in range(3)], 0)
    np.testing.assert_allclose(slope, expected, rtol=1e-5)
    assert value == pytest.approx(np.sin(ARCS - W).sum(-1).mean(), rel=1e-5)


def test_a_visit_of_all_domains_in_some_order():
    def visited(order):
        point = W
        for k in order:
            point = point - 0.5 * slope_of(point, ARCS[:, k])
        return W - point

    _, slope = gathered(fish(optax.sgd(0.5)))
    ends = [visited(order) for order in itertools.permutations(range(3))]
    apart = np.abs(np.array(ends) - slope).max(1)
    assert apart.min() < 1e-6 and np.sort(apart)[1] > 1e-4


def test_sharpness_is_two_gradients():
    rows = X.reshape(-1, 2)

    def flat(transform):
        run = jax.jit(transform(curved))
        (value, _), slope = run(jnp.asarray(W, jnp.float32), rows, None)
        return float(value), np.asarray(slope)

    first = slope_of(W, np.float64(rows))
    worst = W + 0.7 * first / np.linalg.norm(first)
    value, slope = flat(sam(0.7))
    np.testing.assert_allclose(slope, slope_of(worst, np.float64(rows)), rtol=1e-5)
    assert value == flat(whole_batch)[0]


def test_sharpness_is_zero_where_nothing_slopes():
    flat = sam(0.5)(lambda w, x, key: ((w**2).sum(), {}))
    assert jax.jit(flat)(jnp.zeros(2), None, None)[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("radius", [0.0, -1.0, np.inf])
def test_a_radius_that_is_none_is_refused(radius):
    with pytest.raises(ValueError, match=rf"sam\(radius\)={radius}"):
        sam(radius)


def test_one_domain_is_not_visited(key):
    learner = descent(
        lambda key, x: jnp.zeros(2), curved, optax.sgd(1.0), fish(optax.sgd(1.0))
    )
    x = jnp.ones((4, 1, 2))
    with pytest.raises(ValueError, match=r"fish of 1 domain\(s\)"):
        learner.update(learner.init(key, x), x)


@pytest.mark.parametrize("gathered", [microbatched(2), sam(0.1, microbatched(2))])
def test_parts_of_a_batch_are_refused(gathered, key):
    def rows(w, x, key):
        return jnp.abs(w - x).mean(0), {}

    def learner(value_and_grad):
        start, aggregator = (lambda key, x: jnp.zeros(())), group_dro(0.1)
        return domain_descent(start, rows, aggregator, optax.sgd(1.0), value_and_grad)

    x = jnp.ones((4, 3))
    state = learner(gathered).init(key, x)
    with pytest.raises(ValueError, match=r"over 2 of 4 examples.*microbatched"):
        learner(gathered).update(state, x)
    # one part is the whole
    new, _ = learner(microbatched(1)).update(state, x)
    assert float(new.params) == pytest.approx(1, abs=1e-6)
