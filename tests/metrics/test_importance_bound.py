"""Importance bounds against float64, log-normal weights and a linear Gaussian model."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from jaxgen.densities.normal import (
    DiagonalNormal,
    normal_log_prob,
    standard_normal_log_prob,
)
from jaxgen.metrics.importance_bound import (
    bound_error,
    bound_of_each,
    effective_sample_size,
    importance_bound,
    mean_estimate,
    merged,
    streamed_moments,
    weight_moments,
)

SCORES = jax.jit(
    lambda x: [
        score(weight_moments(x))
        for score in (importance_bound, bound_error, effective_sample_size)
    ]
)
MOMENTS, MERGED = jax.jit(weight_moments), jax.jit(merged)


def brute(log_weights):
    logs = log_weights.astype(np.float64)
    bound = scipy.special.logsumexp(logs, axis=0) - np.log(len(logs))
    weights = np.exp(logs - bound)
    error = weights.std(axis=0, ddof=1) / np.sqrt(len(logs))
    return bound, error, weights.sum(0) ** 2 / (weights**2).sum(0)


@pytest.mark.parametrize("shift", [0.0, -90.0, -1e4, 300.0])
def test_scores_are_those_of_float64(shift):
    logs = np.random.default_rng(0).normal(shift, 2.0, (64, 9)).astype(np.float32)
    for found, expected in zip(SCORES(logs), brute(logs), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5)


def test_chunks_add_up_to_the_whole_even_with_weights_of_zero():
    logs = np.random.default_rng(1).normal(-90, 9, (60, 5)).astype(np.float32)
    logs[:20, 0], logs[:, 1] = -np.inf, -np.inf
    whole = MOMENTS(logs)
    a, b, c = map(MOMENTS, np.split(logs, [20, 40]))
    for parts in (MERGED(MERGED(a, b), c), MERGED(a, MERGED(b, c))):
        for one, other in zip(parts, whole, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5)
    bound = np.asarray(importance_bound(whole))
    assert np.isneginf(bound[1]) and np.isfinite(np.delete(bound, 1)).all()


def test_a_stream_is_the_whole_of_its_draws():
    def draw(key):
        return jax.random.normal(key, (20, 3)) - 90

    key = jax.random.key(0)
    streamed = jax.jit(lambda key: streamed_moments(draw, key, 50))(key)
    logs = np.concatenate(
        jax.jit(lambda k: jax.vmap(draw)(jax.random.split(k, 50)))(key)
    )
    bound, error, size = brute(logs)
    assert int(streamed.count) == 1000
    np.testing.assert_allclose(importance_bound(streamed), bound, atol=1e-5)
    np.testing.assert_allclose(bound_error(streamed), error, rtol=1e-4)
    np.testing.assert_allclose(effective_sample_size(streamed), size, rtol=1e-5)


def test_the_error_is_the_spread_of_repeated_bounds():
    # log w ~ N(-s²/2, s²) has mean 1 and variance e^(s²) - 1
    s, k, repeats = 0.5, 400, 2000
    noise = np.random.default_rng(2).normal(size=(k, repeats))
    logs = (s * noise - s**2 / 2).astype(np.float32)
    bound, error, size = SCORES(logs)
    expected = np.sqrt((np.exp(s**2) - 1) / k)
    np.testing.assert_allclose(np.std(bound), expected, rtol=4 / np.sqrt(2 * repeats))
    np.testing.assert_allclose(error.mean(), expected, rtol=0.02)
    np.testing.assert_allclose(size.mean(), k * np.exp(-(s**2)), rtol=0.02)
    assert np.isnan(bound_error(weight_moments(logs[:1]))).all()


def test_bounds_of_a_linear_gaussian_rise_to_its_likelihood():
    rng = np.random.default_rng(3)
    loadings, noise = rng.normal(size=(5, 2)).astype(np.float32), 0.5
    images = (rng.normal(size=(16, 2)) @ loadings.T).astype(np.float32)
    images += noise * rng.normal(size=images.shape).astype(np.float32)
    exact = scipy.stats.multivariate_normal(
        np.zeros(5), loadings @ loadings.T + noise**2 * np.eye(5)
    ).logpdf(images)
    # a posterior of the right place, too wide and without its correlation
    precision = np.eye(2) + loadings.T @ loadings / noise**2
    means = images @ loadings @ np.linalg.inv(precision) / noise**2
    scale = np.full((16, 2), 1.3 * np.sqrt(np.linalg.inv(precision).diagonal().max()))
    posterior = DiagonalNormal(jnp.float32(means), jnp.float32(scale))
    seen_images = jnp.asarray(images)[None]

    def log_weights(key):
        codes = posterior.sample(key, 1024)
        seen = normal_log_prob(seen_images, codes @ loadings.T, noise).sum(-1)
        return seen + standard_normal_log_prob(codes) - posterior.log_prob(codes)

    logs = np.asarray(jax.jit(log_weights)(jax.random.key(0)), np.float64)
    bounds = [
        np.mean([brute_bound(part) for part in np.split(logs, 1024 // k)], axis=0)
        for k in (1, 4, 32, 1024)
    ]
    # the mean of halves is below the whole, draw by draw: Jensen without any noise
    assert all((b >= a).all() for a, b in pairwise(bounds))
    assert (exact - bounds[0] > 0.1).all()  # the gap of the ELBO
    bound, error, _ = SCORES(logs.astype(np.float32))
    assert (abs(bound - exact) < 4 * error).all() and (error < 0.1).all()
    mean = mean_estimate(bound)
    np.testing.assert_allclose(mean.value, exact.mean(), atol=0.05)
    np.testing.assert_allclose(mean.error, scipy.stats.sem(bound), rtol=1e-5)


def brute_bound(logs):
    return scipy.special.logsumexp(logs, axis=0) - np.log(len(logs))


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match="log_weights has 0 rows"):
        weight_moments(np.zeros((0, 3), np.float32))
    with pytest.raises(ValueError, match="chunks=0"):
        streamed_moments(lambda key: jnp.zeros((2, 3)), jax.random.key(0), 0)
    with pytest.raises(ValueError, match="values has 1 entries"):
        mean_estimate(np.zeros(1, np.float32))


def test_each_example_has_draws_of_its_own_in_chunks():
    key, examples = jax.random.key(3), jnp.array([[1.0], [5.0], [5.0]])

    def draw(example, key, count):
        return example + jax.random.normal(key, (count, 1))

    seen = jax.jit(lambda x: bound_of_each(draw, x, key, codes=7, chunk=3))(examples)
    for bound, example, own in zip(
        seen, examples, jax.random.split(key, 3), strict=True
    ):
        # seven codes are three whole chunks of three
        drawn = [draw(example[None], one, 3) for one in jax.random.split(own, 3)]
        expected = brute_bound(np.concatenate(drawn).astype(np.float64))[0]
        np.testing.assert_allclose(bound, expected, rtol=1e-6)
    assert seen[1] != seen[2]
