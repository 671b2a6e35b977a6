"""Parts of the rate against float64 and against Gaussians whose parts are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from jaxgen.densities.full_normal import FullNormal
from jaxgen.densities.normal import DiagonalNormal, standard_normal_log_prob
from jaxgen.metrics.importance_bound import mean_estimate
from jaxgen.metrics.latent_information import mutual_information, rate_parts

PARTS = jax.jit(rate_parts)
COUNT = 3000


def drawn(means, scale):
    noise = np.random.default_rng(1).normal(size=means.shape)
    posterior = DiagonalNormal(*map(jnp.float32, (means, np.full(means.shape, scale))))
    return posterior, jnp.float32(means + scale * noise)


@pytest.fixture(scope="module")
def correlated():
    """Means of N(0, C): with scale s the aggregate is N(0, C + s² I), but for n."""
    spread = np.array([[1.0, 0.7], [0.7, 1.0]])
    means = np.random.default_rng(0).multivariate_normal([0, 0], spread, COUNT)
    posterior, codes = drawn(means, 0.6)
    return posterior, codes, spread + 0.36 * np.eye(2), PARTS(posterior, codes)


def test_parts_of_a_gaussian_are_those_of_its_covariance(correlated):
    _, _, total, parts = correlated
    for found, expected in [
        (parts.mutual_information, np.log(np.linalg.det(total / 0.36)) / 2),
        (parts.total_correlation, -np.log(1 - (0.7 / 1.36) ** 2) / 2),
        (parts.dimension_wise.sum(-1), 1.36 - 1 - np.log(1.36)),
    ]:
        value, error = mean_estimate(found)
        assert error < 0.05
        assert abs(value - expected) < 4 * error


def test_parts_are_those_of_float64_and_add_up(correlated):
    posterior, codes, _, parts = correlated
    few = [x[:300] for x in (*posterior, codes)]
    found = PARTS(DiagonalNormal(*few[:2]), few[2])
    means, scales, codes = (np.asarray(x, np.float64) for x in few)
    each = scipy.stats.norm(means, scales).logpdf(codes[:, None])
    own = each[np.arange(300), np.arange(300)].sum(-1)
    joint = scipy.special.logsumexp(each.sum(-1), axis=1) - np.log(300)
    marginals = scipy.special.logsumexp(each, axis=1) - np.log(300)
    np.testing.assert_allclose(found.mutual_information, own - joint, atol=1e-5)
    apart = joint - marginals.sum(-1)
    np.testing.assert_allclose(found.total_correlation, apart, atol=1e-5)
    prior = scipy.stats.norm.logpdf(codes)
    np.testing.assert_allclose(found.dimension_wise, marginals - prior, atol=1e-5)
    posterior, codes = correlated[:2]
    rate = posterior.log_prob(codes[None])[0] - standard_normal_log_prob(codes)
    total = parts.mutual_information + parts.total_correlation
    np.testing.assert_allclose(total + parts.dimension_wise.sum(-1), rate, atol=1e-4)


def test_information_of_codes_apart_is_the_log_of_their_number():
    grid = np.stack(np.meshgrid(*[np.arange(12.0) * 50] * 2), axis=-1).reshape(-1, 2)
    posterior, codes = drawn(grid, 1.0)
    parts = PARTS(posterior, codes)
    np.testing.assert_allclose(parts.mutual_information, np.log(144), rtol=1e-5)
    # a full grid: its dimensions know nothing of each other
    np.testing.assert_allclose(parts.total_correlation, 0, atol=1e-4)
    line = np.repeat(np.arange(144.0)[:, None] * 50, 2, axis=1)
    alone = PARTS(*drawn(line, 1.0))
    np.testing.assert_allclose(alone.total_correlation, np.log(144), rtol=1e-5)


def test_a_collapsed_code_tells_nothing():
    posterior, codes = drawn(np.zeros((144, 2)), 1.0)
    for part in PARTS(posterior, codes):
        np.testing.assert_allclose(part, 0, atol=2e-5)


def test_information_is_the_same_of_full_normal_posteriors():
    posterior, codes = drawn(np.random.default_rng(2).normal(size=(144, 2)), 0.6)
    full = FullNormal(posterior.mean, posterior.scale[:, :, None] * jnp.eye(2)[None])
    found = jax.jit(mutual_information)(full, codes)
    expected = PARTS(posterior, codes).mutual_information
    np.testing.assert_allclose(found, expected, atol=1e-4)
