"""Aggregators against the exact optima of two bits, closed forms and brute force."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import norm

from jaxgen.objectives.aggregators import (
    chosen,
    cvar,
    erm,
    scaled_by,
    seen_by,
    switched,
    vrex,
    weighted_risk,
)
from jaxgen.objectives.checks import require_distribution
from jaxgen.objectives.doremi import Excess, average_mixture, doremi, excess_losses
from jaxgen.objectives.group_dro import group_dro
from jaxgen.objectives.invariant_risk import (
    Scaled,
    irm_by_halves,
    irmv1,
    with_slopes,
)
from jaxgen.objectives.quantile_risk import eqrm
from two_bits import accuracy, losses, optimum, scaled_losses, table_of

LOSSES = np.random.default_rng(0).gamma(2.0, size=5)
H = -0.25 * np.log(0.25) - 0.75 * np.log(0.75)

ON_LOSSES = {
    "erm": erm(),
    "weighted": weighted_risk(np.array([0.2, 0.8])),
    "first alone": weighted_risk(np.array([1.0, 0.0])),
    "worst": cvar(0.5),
    "worst three quarters": cvar(0.75),
    "all": cvar(1.0),
    "median": eqrm(0.5),
    "vrex": vrex(1e4),
}
ON_SLOPES = {"irm, weak": irmv1(1e2), "irm": irmv1(1e6)}

# f(+,+), f(+,-), mean and worst loss of the domains; the last three were published
TABLE = {
    "erm": (np.log([17, 9 / 17]), 0.3545, 0.4229),
    "weighted": (optimum(0.18), None, None),
    "first alone": (np.log([27, 1 / 3]), None, None),
    "worst": (np.log([12, 3 / 4]), 0.3615, 0.4153),
    "worst three quarters": (np.log([15, 3 / 5]), None, None),
    "all": (np.log([17, 9 / 17]), 0.3545, 0.4229),
    "median": (np.log([17, 9 / 17]), 0.3545, 0.4229),
    "vrex": ([1.108, 1.089], 0.5599, 0.5603),
    "irm, weak": ([2.268, 0.596], 0.4208, 0.4502),
    "irm": (np.log([3, 3]), H, H),
}


def descended(objective):
    """The best table that a trust region finds from three starts."""
    slope, curvature = jax.grad(objective), jax.hessian(objective)

    @jax.jit
    def at(flat):
        table = flat.reshape(2, 2)
        return objective(table), slope(table).ravel(), curvature(table).reshape(4, 4)

    starts = [np.zeros((2, 2)), table_of(np.ones(2)), table_of(np.array([3.0, -1.0]))]
    found = [
        minimize(
            lambda x: at(x)[0],
            start.ravel(),
            method="trust-exact",
            jac=lambda x: at(x)[1],
            hess=lambda x: at(x)[2],
            options={"gtol": 1e-10, "maxiter": 2000},
        )
        for start in starts
    ]
    return min(found, key=lambda one: one.fun).x.reshape(2, 2)


@pytest.mark.parametrize("name", TABLE)
def test_exact_optima_of_two_bits(name):
    expected, mean, worst = TABLE[name]
    given = with_slopes(scaled_losses) if name in ON_SLOPES else losses
    aggregator = {**ON_LOSSES, **ON_SLOPES}[name]
    with jax.enable_x64(True):
        state = aggregator.init(given(jnp.zeros((2, 2)), None, None)[0])

        def objective(table):
            return aggregator.combine(given(table, None, None)[0], state)[0]

        table = descended(objective)
        of_each = np.asarray(losses(jnp.asarray(table))[0])
    np.testing.assert_allclose(table, table_of(np.asarray(expected)), atol=6e-4)
    if mean is not None:
        assert of_each.mean() == pytest.approx(mean, abs=6e-5)
        assert of_each.max() == pytest.approx(worst, abs=6e-5)
    invariant = name in ("vrex", "irm", "irm, weak")
    assert accuracy(table, 0.15) == pytest.approx(0.75 if invariant else 0.85)
    assert accuracy(table, 0.9) == pytest.approx(0.75 if invariant else 0.10)


def combined(aggregator, losses):
    def run(losses):
        return aggregator.combine(losses, aggregator.init(losses))[0]

    return jax.jit(run)(losses)


def test_the_quantile_and_its_slope():
    quantiles = np.array([0.05, 0.6, 0.99])

    def by_hand(losses, quantile):
        width = 1.06 * losses.std(ddof=1) * len(losses) ** -0.2

        def below(q):
            return norm.cdf((q - losses) / width).mean() - quantile

        return brentq(below, losses.min() - 9 * width, losses.max() + 9 * width)

    def both(quantile, losses):
        return jax.value_and_grad(lambda x: eqrm(quantile).combine(x, ())[0])(losses)

    with jax.enable_x64(True):
        run = jax.jit(jax.vmap(both, (0, None)))
        values, slopes = map(np.asarray, run(quantiles, LOSSES))
    step = 1e-5 * np.eye(5)
    for quantile, value, slope in zip(quantiles, values, slopes, strict=True):
        assert value == pytest.approx(by_hand(LOSSES, quantile), abs=1e-6)
        ends = [[by_hand(LOSSES + s * e, quantile) for e in step] for s in (1, -1)]
        np.testing.assert_allclose(slope, np.subtract(*ends) / 2e-5, atol=1e-5)
        assert slope.sum() == pytest.approx(1)  # losses that all rise by one


def test_equal_losses_have_that_quantile_and_finite_slopes():
    run = jax.jit(jax.value_and_grad(lambda x: eqrm(0.9).combine(x, ())[0]))
    value, slope = run(jnp.ones(3))
    assert float(value) == pytest.approx(1, abs=1e-4) and np.isfinite(slope).all()


def test_the_tail_is_that_of_rockafellar_and_uryasev():
    shares = np.array([0.05, 0.3, 0.5, 0.77, 1.0], np.float32)
    run = jax.jit(jax.vmap(lambda share, x: cvar(share).combine(x, ())[0], (0, None)))
    # the minimum over c lies at a loss
    over = np.maximum(LOSSES - LOSSES[:, None], 0).mean(1)
    by_hand = (LOSSES[:, None] + over[:, None] / shares).min(0)
    np.testing.assert_allclose(run(shares, LOSSES), by_hand, rtol=1e-6)


def test_the_variance_is_over_all_domains():
    value = combined(vrex(3.0), jnp.asarray(LOSSES))
    assert float(value) == pytest.approx(LOSSES.mean() + 3 * LOSSES.var())
    third = combined(scaled_by(1 / 3, vrex(3.0)), jnp.asarray(LOSSES))
    assert float(third) == pytest.approx(float(value) / 3)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_weights_of_constant_losses_follow_the_softmax(smoothing):
    rate, steps = 0.05, 40
    gains = LOSSES - 2  # some are clipped
    excess = Excess(jnp.asarray(gains), jnp.maximum(jnp.asarray(gains), 0))

    @jax.jit
    def run():
        groups, mixture = group_dro(rate), doremi(rate, smoothing)
        weights, track = groups.init(excess.losses), mixture.init(excess)
        values = []
        for _ in range(steps):
            value, weights = groups.combine(excess.losses, weights)
            values.append(value)
            _, track = mixture.combine(excess, track)
        return values[-1], weights, track

    value, weights, track = run()
    expected = np.exp(rate * steps * gains)
    np.testing.assert_allclose(weights, expected / expected.sum(), rtol=1e-4)
    assert float(value) == pytest.approx(float(np.dot(weights, gains)), rel=1e-4)
    by_hand, seen = np.full(5, 0.2), []
    for _ in range(steps):
        by_hand = by_hand * np.exp(rate * np.maximum(gains, 0))
        by_hand = (1 - smoothing) * by_hand / by_hand.sum() + smoothing / 5
        seen.append(by_hand)
    np.testing.assert_allclose(track.weights, by_hand, rtol=1e-4)
    np.testing.assert_allclose(average_mixture(track), np.mean(seen, 0), rtol=1e-4)
    before = average_mixture(doremi(1.0).init(excess))
    np.testing.assert_allclose(before, np.full(5, 0.2))


def test_only_losses_are_differentiated_not_the_weights():
    slope = jax.grad(lambda x: combined(group_dro(2.0), x))(jnp.asarray(LOSSES))
    weights = np.exp(2.0 * LOSSES)
    np.testing.assert_allclose(slope, weights / weights.sum(), rtol=1e-4)
    excess = Excess(jnp.asarray(LOSSES), jnp.asarray(LOSSES))
    slope = jax.grad(lambda x: combined(doremi(2.0, 0.0), x))(excess)
    np.testing.assert_allclose(slope.losses, weights / weights.sum(), rtol=1e-4)
    assert not slope.clipped.any()


def test_excess_is_clipped_at_each_token():
    tokens = jnp.array([[1.0, 5.0], [2.0, 2.0]])
    domain = jnp.array([[0, 0], [1, 1]])
    run = jax.jit(excess_losses, static_argnums=3)
    excess = run(tokens, jnp.full((2, 2), 3.0), domain, 2)
    assert excess.losses.tolist() == [0.0, -1.0]
    assert excess.clipped.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("name", ["all", "worst", "median", "vrex", "dro", "irm"])
def test_the_order_of_domains_does_not_matter(name):
    aggregator = {**ON_LOSSES, **ON_SLOPES, "dro": group_dro(1.0)}[name]
    x = jnp.asarray(LOSSES, jnp.float32)
    given = Scaled(x, jnp.cos(x)) if name == "irm" else x
    turned = jax.tree.map(lambda leaf: leaf[jnp.array([3, 0, 4, 2, 1])], given)
    one, other = combined(aggregator, given), combined(aggregator, turned)
    assert float(one) == pytest.approx(float(other), rel=1e-5)


def test_switching_changes_aggregators_and_keeps_their_states():
    aggregator = switched(erm(), group_dro(1.0), updates=2)
    x = jnp.asarray(LOSSES, jnp.float32)
    state, values, weights = aggregator.init(x), [], []
    combine = jax.jit(aggregator.combine)
    for _ in range(4):
        value, state = combine(x, state)
        values.append(float(value))
        weights.append(state.after)
    assert values[:2] == pytest.approx([LOSSES.mean()] * 2)
    for rises, value in itertools.pairwise((LOSSES.mean(), *values[2:])):
        assert value > rises + 0.1
    np.testing.assert_allclose(weights[1], np.full(5, 0.2))
    np.testing.assert_allclose(weights[3], jax.nn.softmax(2 * x), rtol=1e-5)


def test_a_penalty_of_halves_is_in_the_mean_that_of_all_examples():
    slopes = np.random.default_rng(1).normal(size=(2, 6))  # of examples of two domains
    pairs = np.array([(a, b) for a in slopes.T for b in slopes.T])  # (draws, halves, k)
    penalty = irm_by_halves(3.0)
    told = jax.vmap(
        lambda pair: penalty.combine(Scaled(jnp.zeros((2, 2)), pair.T), ())[0]
    )(jnp.asarray(pairs, jnp.float32))
    exact = 3 * (slopes.mean(1) ** 2).mean()
    np.testing.assert_allclose(told.mean(), exact, rtol=1e-5)
    # the square of one slope of both halves is too large
    assert 3 * (pairs.mean(1) ** 2).mean() > 1.5 * exact


def test_a_chosen_aggregator_is_that_one_alone():
    parts = [erm(), group_dro(1.0), switched(erm(), vrex(10.0), 1)]
    view = [seen_by(one, lambda told: told["losses"]) for one in parts]
    told = {"losses": jnp.asarray(LOSSES, jnp.float32)}

    @jax.jit
    def twice(index):
        aggregator = chosen(view, index)

        def second(told):
            _, state = aggregator.combine(told, aggregator.init(told))
            return aggregator.combine(told, state)

        return jax.value_and_grad(second, has_aux=True)(told)

    for index, one in enumerate(parts):
        _, state = one.combine(told["losses"], one.init(told["losses"]))
        alone = jax.value_and_grad(lambda x, i=one, s=state: i.combine(x, s)[0])
        value, slope = alone(told["losses"])
        (found, states), slopes = twice(index)
        np.testing.assert_allclose(found, value, rtol=1e-6)
        np.testing.assert_allclose(slopes["losses"], slope, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(states[1], jax.nn.softmax(2 * told["losses"]), rtol=1e-5)
    assert states[2].count == 2


@pytest.mark.parametrize(
    "refused, complaint",
    [
        (lambda: group_dro(0.0), r"group_dro\(rate\)=0.0: expected a finite number"),
        (lambda: doremi(float("nan")), r"doremi\(rate\)=nan"),
        (lambda: cvar(1.5), r"cvar\(share\)=1.5: expected a number above 0, at most 1"),
        (
            lambda: eqrm(1.0),
            r"eqrm\(quantile\)=1.0: expected a number above 0 and below",
        ),
        (
            lambda: weighted_risk(np.array([0.5, 0.4])),
            "whose sum is 0.9, the least 0.4",
        ),
        (lambda: weighted_risk(np.array([1.5, -0.5])), "the least -0.5"),
        (
            lambda: require_distribution("w", np.eye(2)),
            r"w of shape \(2, 2\): expected",
        ),
        (
            lambda: combined(ON_LOSSES["weighted"], jnp.ones(3)),
            "2 weights and 3 losses",
        ),
        (
            lambda: combined(vrex(1.0), jnp.ones(1)),
            r"vrex of 1 domain\(s\): expected 2",
        ),
        (
            lambda: combined(eqrm(0.5), jnp.ones(1)),
            r"eqrm of 1 domain\(s\): expected 2",
        ),
        (lambda: combined(irmv1(1.0), Scaled(*jnp.ones((2, 1)))), "irmv1 of 1 domain"),
        (
            lambda: combined(irm_by_halves(1.0), Scaled(*jnp.ones((2, 1, 2)))),
            "irm_by_halves of 1 domain",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(refused, complaint):
    with pytest.raises(ValueError, match=complaint):
        refused()
