"""Divergences of aggregate and prior against closed forms; holes that are known."""

import jax
import numpy as np
import pytest
import scipy.spatial.distance

from jaxgen.densities.aggregate import aggregate_moments
from jaxgen.densities.normal import DiagonalNormal, standard_normal_log_prob
from jaxgen.metrics.frechet import covariance, moments
from jaxgen.metrics.prior_mismatch import (
    gaussian_mismatch,
    hole_ratio,
    sampled_mismatch,
)

RNG = np.random.default_rng(0)
MISMATCH = jax.jit(gaussian_mismatch)
FIT = jax.jit(lambda posterior: gaussian_mismatch(*aggregate_moments(posterior)))
HOLES = jax.jit(hole_ratio)


def standard_normal(key, count):
    return jax.random.normal(key, (count, 2))


SAMPLED = jax.jit(
    lambda posterior, key: sampled_mismatch(
        posterior, standard_normal_log_prob, standard_normal, key, 1500
    )
)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def test_a_gaussian_fit_is_its_closed_form_in_both_directions():
    factor = RNG.normal(size=(6, 6)) * np.linspace(0.3, 2, 6)
    mean, spread = RNG.normal(size=6), factor @ factor.T
    found = MISMATCH(mean.astype(np.float32), spread.astype(np.float32))
    log_volume, inverse = np.linalg.slogdet(spread)[1], np.linalg.inv(spread)
    forth = np.trace(spread) + mean @ mean - 6 - log_volume
    back = np.trace(inverse) + mean @ inverse @ mean - 6 + log_volume
    np.testing.assert_allclose(found.from_codes, forth / 2, rtol=1e-4)
    np.testing.assert_allclose(found.from_prior, back / 2, rtol=1e-3)
    same = MISMATCH(np.zeros(6, np.float32), np.eye(6, dtype=np.float32))
    np.testing.assert_allclose(same, 0, atol=1e-5)


def test_codes_that_do_not_fill_the_space_are_infinitely_far():
    fit = moments(normal(100, 2) @ normal(2, 6))
    dead = np.diag([1.0, 1, 1, 1, 1, 0]).astype(np.float32)
    for spread in (covariance(fit), dead):
        found = MISMATCH(fit.mean, spread)
        assert np.isposinf(found.from_codes) and np.isposinf(found.from_prior)


@pytest.mark.parametrize("centre, scale", [(0.5, 0.8), (0.0, 1.3), (-1.0, 0.6)])
def test_draws_give_the_divergences_of_one_gaussian(centre, scale):
    posterior = DiagonalNormal(
        *(np.full((20, 2), x, np.float32) for x in (centre, scale))
    )
    exact = FIT(posterior)
    found = SAMPLED(posterior, jax.random.key(0))
    for one, expected in zip(found, exact, strict=True):
        assert 0 < one.error < 0.2
        assert abs(one.value - expected) < 4 * one.error


def test_the_direction_from_the_prior_sees_holes_and_a_fit_does_not():
    """Two clusters of the prior's own moments, and nothing between them."""
    places = np.sqrt(0.99) * np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    means = np.tile(places, (5, 1)).astype(np.float32)
    posterior = DiagonalNormal(means, np.full_like(means, 0.1))
    fit = FIT(posterior)
    np.testing.assert_allclose(fit, 0, atol=1e-4)
    found = SAMPLED(posterior, jax.random.key(0))
    # log q of the nearest cluster and log p, by quadrature on a grid of the plane
    z = np.linspace(-6, 6, 1201)
    one = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    near = np.logaddexp(*(-((z - s) ** 2) / 0.02 for s in (-(0.99**0.5), 0.99**0.5)))
    log_q = near - np.log(2 * 0.1 * np.sqrt(2 * np.pi))
    step = z[1] - z[0]
    expected = (
        2 * (one * (np.log(one) - log_q)).sum() * step,
        2 * (np.exp(log_q) * (log_q - np.log(one))).sum() * step,
    )
    assert abs(found.from_prior.value - expected[0]) < 4 * found.from_prior.error
    assert abs(found.from_codes.value - expected[1]) < 4 * found.from_codes.error
    assert expected[0] > 10 * expected[1] > 10


def test_the_hole_ratio_is_of_medians_to_the_nearest_code():
    drawn, test, train = normal(40, 3) * 2, normal(60, 3), normal(80, 3)
    apart = [scipy.spatial.distance.cdist(x, train).min(1) for x in (drawn, test)]
    found = HOLES(drawn, test, train)
    np.testing.assert_allclose(
        found, np.median(apart[0]) / np.median(apart[1]), rtol=1e-5
    )


def test_a_prior_that_fits_has_no_holes_and_one_around_clusters_has():
    drawn, test, train = normal(1000, 2), normal(1000, 2), normal(1000, 2)
    assert abs(HOLES(drawn, test, train) - 1) < 0.15
    clusters = np.sign(test) + 0.1 * normal(1000, 2), np.sign(train) + 0.1 * train
    assert HOLES(drawn, *clusters) > 10
    with pytest.raises(ValueError, match="points has 0 rows"):
        hole_ratio(drawn, test, train[:0])
