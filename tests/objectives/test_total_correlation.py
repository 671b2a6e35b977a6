"""The parts of the rate against double loops, and their sampling against the mixture."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from autoencoders import drawn_terms, passed_of, valued
from jaxgen.densities.normal import DiagonalNormal, Point
from jaxgen.objectives.code_moments import covariance_of_codes
from jaxgen.objectives.total_correlation import (
    beta_tc,
    rate_in_parts,
    stratified_sampling,
    weighted_sampling,
)

TERMS = drawn_terms(count=2, images=6)
MEAN, SCALE = (np.asarray(part, np.float64) for part in TERMS.posterior)
CODES = np.asarray(TERMS.codes, np.float64)
PARTS = jax.jit(rate_in_parts)


def densities(code, mean=MEAN, scale=SCALE):
    """q(z_d | x_j) of one code, (images, dimensions)."""
    return np.exp(-(((code - mean) / scale) ** 2) / 2) / (scale * np.sqrt(2 * np.pi))


def expected_parts(weights):
    parts = np.zeros((3, 2, 6))
    for k, i in np.ndindex(2, 6):
        each = densities(CODES[k, i])
        joint = sum(weights[i][j] * each[j].prod() for j in range(6))
        product = np.prod([sum(weights[i] * each[:, d]) for d in range(3)])
        prior = densities(CODES[k, i], np.zeros((1, 3)), np.ones((1, 3))).prod()
        values = [each[i].prod() / joint, joint / product, product / prior]
        parts[:, k, i] = np.log(values)
    return parts


@pytest.mark.parametrize(
    "sampling", [weighted_sampling(50), stratified_sampling(50), stratified_sampling(6)]
)
def test_parts_are_those_of_double_loops(sampling):
    weights = sampling(6)
    expected = expected_parts(np.asarray(weights, np.float64))
    seen = PARTS(TERMS, weights)
    np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sum(seen), TERMS.log_ratio, atol=1e-5)


def test_weights_of_both_samplings():
    np.testing.assert_allclose(weighted_sampling(30)(5), np.full((5, 5), 1 / 150))
    weights = np.asarray(stratified_sampling(30)(5))
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.diag(weights), 1 / 30)
    np.testing.assert_allclose(weights[0, 1:], [26 / 120, 0.25, 0.25, 0.25])


def over_all_batches(sampling):
    """Estimates of the mixture at the first image's code, over it, from every batch."""
    each = densities(CODES[0, 0]).prod(1)
    weights = np.asarray(sampling(6)(3), np.float64)
    batches = itertools.permutations(range(1, 6), 2)
    return [weights[0] @ each[[0, *others]] / each.mean() for others in batches]


def test_stratified_sampling_has_no_bias_and_weighted_sampling_is_low():
    stratified, weighted = map(
        over_all_batches, (stratified_sampling, weighted_sampling)
    )
    assert np.mean(stratified) == pytest.approx(1, rel=1e-6)
    assert np.std(stratified) > 0.01
    assert np.mean(weighted) < 0.6


def test_all_weights_of_one_are_the_estimate_of_the_elbo(key):
    estimate = float((TERMS.log_ratio - TERMS.log_likelihood).mean())
    for sampling in (weighted_sampling(50), stratified_sampling(50)):
        seen = valued(beta_tc(1.0, sampling), passed_of(TERMS), key)
        assert seen == pytest.approx(estimate, rel=1e-5)


def test_each_part_has_its_weight_and_is_told(key):
    objective = beta_tc(5.0, stratified_sampling(50), 0.5, 2.0)
    value, metrics = jax.jit(lambda terms: objective(passed_of(terms), key))(TERMS)
    means = expected_parts(np.asarray(stratified_sampling(50)(6))).mean((1, 2))
    told = [metrics[name] for name in ("information", "correlation", "dimension_wise")]
    np.testing.assert_allclose(told, means, rtol=1e-4)
    expected = float(TERMS.distortion.mean()) + means @ [0.5, 5.0, 2.0]
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_the_total_correlation_of_one_normal_is_known():
    """All posteriors alike and independent: no information, no correlation."""
    mean, scale = np.full((6, 3), 0.3, np.float32), np.full((6, 3), 0.7, np.float32)
    posterior = DiagonalNormal(jnp.asarray(mean), jnp.asarray(scale))
    parts = PARTS(TERMS._replace(posterior=posterior), stratified_sampling(6)(6))
    np.testing.assert_allclose(parts.information, 0, atol=1e-5)
    np.testing.assert_allclose(parts.correlation, 0, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 7])
def test_a_batch_fits_into_the_data(batch):
    with pytest.raises(
        ValueError, match=rf"a batch of {batch} examples; expected 2 to 6"
    ):
        stratified_sampling(6)(batch)


def test_points_have_no_parts():
    points = TERMS._replace(posterior=Point(TERMS.posterior.mean))
    for ask in (
        lambda: rate_in_parts(points, weighted_sampling(9)(6)),
        lambda: covariance_of_codes(1.0, 1.0)(passed_of(points), jax.random.key(0)),
    ):
        with pytest.raises(ValueError, match="Point: expected a diagonal normal"):
            ask()
