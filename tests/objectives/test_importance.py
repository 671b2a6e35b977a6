"""Bounds against float64, against the exact likelihood, and gradients as expectations."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from autoencoders import (
    drawn_terms,
    exact_posterior,
    linear_density,
    linear_passed,
    orthogonal_decoder,
    passed_of,
    valued,
)
from jaxgen.densities.normal import Point
from jaxgen.objectives.importance import (
    combination_importance_weighted,
    doubly_reparameterized,
    in_groups,
    multiply_importance_weighted,
    partially_importance_weighted,
    path_derivative,
    pathwise_log_weights,
)
from jaxgen.objectives.variational import (
    elbo,
    importance_weighted,
    log_mean_exp,
    weighted_distortion,
    weighted_elbo,
)

TERMS = drawn_terms(count=6)
LOG_WEIGHTS = np.asarray(TERMS.log_weights, np.float64)
IMAGES = np.random.default_rng(3).uniform(size=(3, 2, 2, 1)).astype(np.float32)


def value(objective, terms=TERMS) -> float:
    return valued(objective, passed_of(terms), jax.random.key(0))


def tight(log_weights) -> float:
    return -np.log(np.exp(log_weights).mean(0)).mean()


def test_the_bound_of_all_codes_is_the_log_of_their_mean_weight():
    assert value(importance_weighted) == pytest.approx(tight(LOG_WEIGHTS), rel=1e-5)


def test_the_bound_of_one_code_is_the_estimate_of_the_elbo():
    one = drawn_terms(count=1)
    estimate = one.distortion.mean() + one.log_ratio.mean()
    assert value(importance_weighted, one) == pytest.approx(float(estimate), rel=1e-5)


def test_the_rate_is_dropped_at_weight_zero_and_whole_at_one():
    distortion, rate = (float(getattr(TERMS, x).mean()) for x in ("distortion", "rate"))
    assert value(weighted_elbo(0.0)) == pytest.approx(distortion, rel=1e-6)
    assert value(weighted_elbo(1.0)) == pytest.approx(value(elbo), rel=1e-6)
    expected = rate + 3 * distortion
    assert value(weighted_distortion(3.0)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_groups_are_bounds_of_their_own(groups):
    expected = np.mean([tight(part) for part in np.split(LOG_WEIGHTS, groups)])
    assert value(multiply_importance_weighted(groups)) == pytest.approx(expected, 1e-5)


def test_groups_of_one_are_the_elbo_and_one_group_the_bound_of_all():
    ends = (
        value(multiply_importance_weighted(6)),
        value(multiply_importance_weighted(1)),
    )
    loose = -float(TERMS.log_weights.mean())
    assert ends == pytest.approx((loose, value(importance_weighted)), rel=1e-5)
    mixed = [value(combination_importance_weighted(w)) for w in (1.0, 0.0, 0.25)]
    assert mixed == pytest.approx([*ends, 0.25 * ends[0] + 0.75 * ends[1]], rel=1e-5)


@pytest.mark.parametrize(
    "objective", [partially_importance_weighted(2), doubly_reparameterized]
)
def test_gradients_of_two_kinds_have_the_value_of_the_bound(objective):
    passed = passed_of(TERMS, log_joint=lambda codes: -(codes**2).sum(-1))
    seen = valued(objective, passed, jax.random.key(0))
    assert seen == pytest.approx(value(importance_weighted), rel=1e-5)


@pytest.mark.parametrize("groups", [0, 4])
def test_codes_that_do_not_divide_are_refused(groups):
    with pytest.raises(ValueError, match=f"groups={groups}: 6 codes an image do not"):
        in_groups(TERMS.log_weights, groups)


def test_points_have_no_density_to_hold():
    points = TERMS._replace(posterior=Point(TERMS.posterior.mean))
    with pytest.raises(ValueError, match="Point has no density to hold fixed"):
        pathwise_log_weights(points)


@pytest.fixture(scope="module")
def many():
    """Log-weights of 4,096 codes an image under a linear model, and what is exact."""
    params = orthogonal_decoder()
    params["code"]["log_scale"]["bias"] += 0.5  # not the posterior any more
    run = jax.jit(lambda params, key: linear_passed(4096, params, IMAGES, key).terms)
    terms = run(params, jax.random.key(1))
    return terms.log_weights, linear_density(params, IMAGES), terms


def test_bounds_grow_with_their_codes_up_to_the_likelihood(many):
    log_weights, exact, _ = many

    @jax.jit
    def growing(log_weights):
        return [in_groups(log_weights, groups).mean(0) for groups in (4096, 512, 32, 1)]

    bounds = np.stack(growing(log_weights))
    assert (np.diff(bounds, axis=0) > -1e-5).all()  # of means of groups of the last
    assert (exact - bounds[0] > 0.2).all()
    spread = np.exp(np.asarray(log_weights) - exact[None]).std(0) / 64
    assert (np.abs(bounds[-1] - exact) < 4 * spread).all() and spread.max() < 0.02


def test_the_elbo_misses_the_likelihood_by_a_known_gap(many):
    _, exact, terms = many
    noise = np.asarray(terms.log_likelihood).std(0) / 64
    # KL of two normals that differ in the log-scale by 0.5, two dimensions
    gap = 2 * (0.5 * (np.exp(1.0) - 1) - 0.5)
    bound = np.asarray(-terms.distortion - terms.rate)
    assert (np.abs(exact - gap - bound) < 4 * noise).all()


@pytest.fixture(scope="module")
def slopes():
    """Gradients under 4,000 keys, of codes that are not the posterior's."""
    params = orthogonal_decoder()
    params["code"]["log_scale"]["bias"] += 0.3
    params["code"]["mean"]["bias"] += 0.3
    objectives = {
        "plain": importance_weighted,
        "doubly": doubly_reparameterized,
        "partially": partially_importance_weighted(2),
        "multiply": multiply_importance_weighted(2),
        "elbo": multiply_importance_weighted(4),
        "path": path_derivative,
    }

    def loss(params, key, objective):
        return objective(linear_passed(4, params, IMAGES, key), key)[0]

    @jax.jit
    @jax.vmap
    def run(key):
        return {
            name: jax.grad(loss)(params, key, objective)
            for name, objective in objectives.items()
        }

    return jax.device_get(run(jax.random.split(jax.random.key(2), 4000)))


def flat(tree, player):
    leaves = jax.tree.leaves(tree[player])
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)


@pytest.mark.parametrize("pair", [("plain", "doubly"), ("elbo", "path")])
def test_gradients_through_codes_alone_have_the_same_mean_and_less_noise(slopes, pair):
    plain, doubly = (flat(slopes[name], "code") for name in pair)
    error = (plain - doubly).std(0) / len(plain) ** 0.5
    assert (np.abs(plain.mean(0) - doubly.mean(0)) < 4.5 * error).all()
    assert np.abs(plain.mean(0)).max() > 20 * error.max()
    assert doubly.var(0).sum() < 0.7 * plain.var(0).sum()


def test_the_decoder_descends_the_bound_and_the_encoder_another(slopes):
    for name in ("doubly", "partially"):
        chex.assert_trees_all_close(
            slopes[name]["decoder"], slopes["plain"]["decoder"], atol=2e-5
        )
    chex.assert_trees_all_close(
        slopes["partially"]["code"], slopes["multiply"]["code"], atol=2e-5
    )
    apart = flat(slopes["plain"], "code") - flat(slopes["multiply"], "code")
    assert np.abs(apart).max() > 0.1


def test_the_landing_sticks():
    params = orthogonal_decoder()
    chex.assert_trees_all_close(params, exact_posterior(params))

    @jax.jit
    def slope(params, key):
        def loss(params, objective):
            return objective(linear_passed(4, params, IMAGES, key), key)[0]

        sticks = jax.grad(loss)(params, path_derivative)["code"]
        return sticks, jax.grad(loss)(params, multiply_importance_weighted(4))["code"]

    sticks, plain = slope(params, jax.random.key(3))
    assert max(float(jnp.abs(x).max()) for x in jax.tree.leaves(sticks)) < 1e-5
    assert max(float(jnp.abs(x).max()) for x in jax.tree.leaves(plain)) > 0.05


def test_a_log_mean_does_not_overflow():
    assert log_mean_exp(jnp.full((4, 1), 1000.0)).item() == 1000.0
