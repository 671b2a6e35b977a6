"""Diversity against the authors' Vendi score, pair counting and perfect samplers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.mixtures import ring
from jaxgen.metrics.diversity import (
    ball_spread,
    birthday_support,
    covariance_rank,
    spread_ratio,
    vendi_score,
    vendi_score_of_features,
)
from jaxgen.metrics.modes import OpenBall, histogram_scores

ORDERS = [0, 0.5, 1, 2, 50, np.inf]
VENDI_ALL = jax.jit(lambda kernel: [vendi_score(kernel, q) for q in ORDERS])
VENDI_OF_ALL = jax.jit(lambda x: [vendi_score_of_features(x, q) for q in ORDERS])
RANK = jax.jit(covariance_rank)
MEANS = ring(8, 1.0, 0.01).means
SPREAD = jax.jit(partial(spread_ratio, means=MEANS, sigma=0.01, rule=OpenBall(3.0)))
SUPPORT = jax.jit(birthday_support)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def vendi(kernel, order=1):
    return VENDI_ALL(kernel)[ORDERS.index(order)]


def vendi_of(features, order=1):
    return VENDI_OF_ALL(features)[ORDERS.index(order)]


def hill(counts, order):
    p = np.asarray(counts, np.float64) / np.sum(counts)
    if order == 1:
        return np.exp(-(p * np.log(p)).sum())
    return 1 / p.max() if order == np.inf else (p**order).sum() ** (1 / (1 - order))


@pytest.mark.parametrize("order", ORDERS)
def test_the_same_mode_kernel_gives_the_hill_number_of_the_modes(order):
    counts = [40, 20, 9, 1]
    modes = np.repeat(np.arange(4), counts)
    kernel = (modes[:, None] == modes).astype(np.float32)
    np.testing.assert_allclose(vendi(kernel, order), hill(counts, order), rtol=1e-5)
    one_hot = np.eye(6, dtype=np.float32)[modes]
    score = vendi_of(one_hot, order)
    np.testing.assert_allclose(score, hill(counts, order), rtol=1e-5)


def test_order_one_of_the_same_mode_kernel_is_the_effective_number_of_modes():
    counts = jnp.array([40, 20, 10])
    one_hot = np.eye(6, dtype=np.float32)[np.repeat(np.arange(3), counts)]
    expected = histogram_scores(counts, 70).effective
    np.testing.assert_allclose(vendi_of(one_hot), expected, rtol=1e-5)


@pytest.mark.parametrize("order", ORDERS)
def test_all_alike_is_one_and_all_orthogonal_is_n(order):
    np.testing.assert_allclose(vendi(jnp.ones((70, 70)), order), 1.0, rtol=1e-5)
    np.testing.assert_allclose(vendi(jnp.eye(70), order), 70.0, rtol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("order", [0.5, 1, 2, np.inf])
def test_scores_are_those_of_the_published_code(order):
    published_code = pytest.importorskip("vendi_score.vendi")
    published = "inf" if order == np.inf else order
    features = normal(0, 70, 6)
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    expected = published_code.score_dual(features.astype(np.float64), q=published)
    for rows in (features, features @ np.eye(6, 90, dtype=np.float32)):  # d < n < d
        score = vendi_of(rows, order)
        np.testing.assert_allclose(score, expected, rtol=1e-5)
    kernel = 0.5 * (units @ units.T) + 0.5 * np.eye(70, dtype=np.float32)
    expected = published_code.score_K(kernel.astype(np.float64), q=published)
    np.testing.assert_allclose(vendi(kernel, order), expected, rtol=1e-5)


@pytest.mark.parametrize("order", [0, 1, 2, np.inf])
def test_a_row_of_zeros_has_no_direction(order):
    assert np.isnan(vendi_of(jnp.zeros((70, 6)), order))


def test_bad_kernels_and_orders_are_refused():
    with pytest.raises(ValueError, match=r"kernel is \(2, 3\)"):
        vendi_score(jnp.ones((2, 3)))
    for order in (-1.0, np.nan):
        with pytest.raises(ValueError, match="order="):
            vendi_score(jnp.eye(2), order)


def test_support_is_counted_by_hand():
    samples = normal(0, 203, 2)
    apart = np.linalg.norm(samples[:, None].astype(np.float64) - samples, axis=-1)
    pairs = (apart[np.triu_indices(203, 1)] <= 0.1).sum()
    assert pairs > 20
    np.testing.assert_allclose(SUPPORT(samples, 0.1), 203 * 101 / pairs, rtol=1e-5)


def test_support_of_distinct_copied_and_broken_samples():
    samples = normal(0, 203, 2)
    assert np.isposinf(SUPPORT(samples, 0.0))
    assert np.isposinf(SUPPORT(samples * np.nan, 1.0))
    np.testing.assert_allclose(SUPPORT(0 * samples, 0.0), 1.0, rtol=1e-6)
    with pytest.raises(ValueError, match="samples has 1"):
        birthday_support(samples[:1], 0.1)


def test_close_pairs_estimate_the_hill_number_of_order_two():
    weights = np.arange(1.0, 21.0) / 210
    draws = np.random.default_rng(0).choice(20, (200, 203, 1), p=weights)
    supports = jax.jit(jax.vmap(birthday_support, (0, None)))(draws.astype("f"), 0.5)
    shares = 1 / np.asarray(supports)
    error = shares.std() / np.sqrt(200)
    assert abs(shares.mean() - (weights**2).sum()) < 4 * error


@pytest.mark.parametrize("width", [1.0, 0.3])
def test_spread_of_a_sampler_with_the_right_and_a_small_width(width):
    z = normal(0, 20_000, 2)
    samples = MEANS[np.arange(20_000) % 8] + np.float32(0.01 * width) * z
    expected = width * ball_spread(3.0 / width, 2)
    assert abs(float(SPREAD(samples)) - expected) < 4 * width / np.sqrt(4 * 20_000)


def test_spread_is_about_the_own_mean_of_each_mode_and_unbiased():
    pairs = np.repeat(MEANS, 2, axis=0) + 0.005  # off centre, two a mode
    assert float(SPREAD(pairs)) < 1e-4
    z = 0.3 * normal(1, 4000, 2)
    many = jax.jit(jax.vmap(lambda x: SPREAD(x) ** 2))
    samples = np.repeat(MEANS, 2, axis=0) + np.float32(0.01) * z.reshape(250, 16, 2)
    np.testing.assert_allclose(many(samples).mean(), 0.09, rtol=4 / np.sqrt(4000))


def test_spread_ignores_broken_samples_and_is_undefined_without_two():
    samples = MEANS[np.arange(16) % 8] + np.float32(0.005) * normal(0, 16, 2)
    broken = np.concatenate([samples, np.full((3, 2), np.nan, np.float32)])
    np.testing.assert_allclose(SPREAD(broken), SPREAD(samples), rtol=1e-6)
    assert np.isnan(SPREAD(MEANS)) and np.isnan(SPREAD(samples + 9))


def test_ball_spread_in_the_plane():
    area = 4.5
    expected = np.sqrt(1 - area / np.expm1(area))
    np.testing.assert_allclose(ball_spread(3.0, 2), expected, rtol=1e-12)
    np.testing.assert_allclose(ball_spread(100.0, 5), 1.0, rtol=1e-12)


@pytest.mark.parametrize("shape", [(70, 6), (6, 70)])
def test_covariance_rank_is_the_entropy_of_the_spectrum(shape):
    samples = normal(0, *shape) * np.linspace(0.5, 2, shape[1], dtype=np.float32) + 5
    spectrum = np.linalg.eigvalsh(np.cov(samples.astype(np.float64).T))
    expected = hill(spectrum[spectrum > 1e-10], 1)
    np.testing.assert_allclose(RANK(samples), expected, rtol=1e-4)


def test_covariance_rank_of_a_line_and_of_a_point():
    line = normal(0, 70, 1) @ normal(1, 1, 6)
    np.testing.assert_allclose(RANK(line), 1.0, rtol=1e-4)
    assert float(RANK(np.full((70, 6), 0.1, np.float32))) == 0.0
    with pytest.raises(ValueError, match="samples has 1"):
        covariance_rank(line[:1])
