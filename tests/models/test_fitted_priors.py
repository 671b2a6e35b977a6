"""Priors fitted to codes, beside scikit-learn and scipy in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from jaxgen.densities.clusters import gathered, spread_out
from jaxgen.densities.mixture import (
    expectation_maximization,
    maximized,
)
from jaxgen.models.fitted_priors import (
    Learned,
    Rescaled,
    fitted_mixture,
    fitted_normal,
    moments,
)
from jaxgen.models.priors import StandardNormal

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
SKEW = np.array([[2.0, 0.0, 0.0], [-1.5, 0.5, 0.0], [0.3, 0.2, 0.1]])
CENTRES = np.array([[4.0, 0.0, 0.0], [-4.0, 2.0, 1.0], [0.0, -6.0, 3.0]])
MADE = np.concatenate(
    [
        centre + RNG.normal(size=(count, 3)) @ (SKEW * size).T
        for centre, count, size in zip(
            CENTRES, (300, 200, 100), (1, 0.5, 1.5), strict=True
        )
    ]
)
CODES = jnp.asarray(MADE, jnp.float32)
POINTS = jnp.asarray(RNG.normal(0, 4, (7, 3)), jnp.float32)


def sklearn_of(mixture, **how):
    """The same mixture in scikit-learn, in double precision."""
    weights, means, triangles = map(np.float64, mixture)
    covariances = triangles @ triangles.swapaxes(1, 2)
    precisions = np.linalg.inv(covariances)
    model = GaussianMixture(
        len(weights),
        weights_init=np.exp(weights) / np.exp(weights).sum(),
        means_init=means,
        precisions_init=precisions,
        **how,
    )
    model.weights_, model.means_ = model.weights_init, means
    model.covariances_ = covariances
    model.precisions_cholesky_ = np.linalg.cholesky(precisions)
    return model


@pytest.fixture(scope="module")
def fitted():
    fit = jax.jit(lambda codes: fitted_mixture(codes, 3, KEY))
    return fit(CODES)


def test_a_normal_prior_has_the_moments_of_the_codes():
    prior = jax.jit(lambda codes: fitted_normal(codes, floor=0.0))(CODES)
    mean, covariance = np.float64(CODES).mean(0), np.cov(np.float64(CODES).T, bias=True)
    expected = stats.multivariate_normal(mean, covariance).logpdf(POINTS)
    np.testing.assert_allclose(prior.log_prob(POINTS), expected, rtol=2e-5)
    drawn = np.asarray(prior.sample(KEY, 20_000))
    np.testing.assert_allclose(drawn.mean(0), mean, atol=0.15)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.6)


def test_a_mixture_has_the_density_of_scikit_learn(fitted):
    expected = sklearn_of(fitted).score_samples(POINTS)
    seen = fitted.log_prob(POINTS.reshape(7, 1, 3))
    np.testing.assert_allclose(seen[:, 0], expected, rtol=1e-4)


def test_steps_are_those_of_scikit_learn():
    first = maximized(
        CODES, jnp.asarray(RNG.dirichlet([0.3] * 4, 600), jnp.float32), 0.0
    )
    climb = jax.jit(lambda first: expectation_maximization(CODES, first, 10, -1.0, 0.0))
    seen, height = climb(first)
    other = sklearn_of(first, max_iter=10, tol=0.0, reg_covar=0.0)
    with pytest.warns(match="did not converge"):
        other.fit(np.float64(CODES))
    np.testing.assert_allclose(np.exp(seen.log_weights), other.weights_, atol=1e-4)
    np.testing.assert_allclose(seen.means, other.means_, atol=2e-3)
    covariances = seen.triangles @ seen.triangles.swapaxes(1, 2)
    np.testing.assert_allclose(covariances, other.covariances_, atol=2e-3)
    assert float(height) == pytest.approx(other.score(CODES), abs=1e-4)


def test_a_mixture_is_as_likely_as_the_one_that_made_the_codes(fitted):
    other = GaussianMixture(3, n_init=3, random_state=0).fit(CODES).score(CODES)
    assert float(fitted.log_prob(CODES).mean()) > other - 1e-3
    assert sorted(np.exp(fitted.log_weights)) == pytest.approx(
        [1 / 6, 1 / 3, 1 / 2], abs=0.02
    )
    alone = fitted_normal(CODES)
    assert float(alone.log_prob(CODES).mean()) < other - 0.5


def test_a_mixture_draws_what_it_says(fitted):
    drawn = np.asarray(fitted.sample(KEY, 20_000))
    weights, means, triangles = map(np.float64, fitted)
    weights = np.exp(weights)
    mean = weights @ means
    spread = triangles @ triangles.swapaxes(1, 2)
    spread += (means - mean)[:, :, None] * (means - mean)[:, None]
    np.testing.assert_allclose(drawn.mean(0), mean, atol=0.15)
    covariance = np.einsum("m,mij->ij", weights, spread)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.6)
    members, _ = fitted.memberships(jnp.asarray(drawn))
    np.testing.assert_allclose(members.mean(0), weights, atol=0.015)


def test_no_step_makes_the_codes_less_likely():
    mixture = maximized(
        CODES, jnp.asarray(RNG.dirichlet([1.0] * 5, 600), jnp.float32), 0.0
    )
    step = jax.jit(
        lambda mixture: expectation_maximization(CODES, mixture, 1, -1.0, 0.0)
    )
    heights = []
    for _ in range(12):
        mixture, height = step(mixture)
        heights.append(float(height))
    assert (np.diff(heights) > -1e-5).all() and heights[-1] > heights[0] + 0.3


def test_a_dimension_without_spread_has_a_finite_density():
    codes = CODES.at[:, 1].set(2.0)
    prior = fitted_normal(codes)
    assert np.isfinite(prior.log_prob(codes)).all()
    np.testing.assert_allclose(prior.sample(KEY, 100)[:, 1], 2.0, atol=0.05)


def test_starts_lie_apart():
    centres = spread_out(KEY, jnp.asarray(np.repeat(CENTRES, 50, 0), jnp.float32), 3)
    found = sorted(map(tuple, np.asarray(centres).tolist()))
    assert found == sorted(map(tuple, CENTRES.tolist()))


def test_clusters_are_those_of_scikit_learn():
    codes = jnp.asarray(RNG.uniform(size=(300, 2)), jnp.float32)
    seen = jax.jit(gathered, static_argnums=2)(codes, codes[:5], 300)
    other = KMeans(5, init=np.float64(codes[:5]), n_init=1, max_iter=300, tol=0.0)
    np.testing.assert_array_equal(seen.argmax(1), other.fit_predict(np.float64(codes)))
    before = gathered(codes, codes[:5], 0)
    assert (before.argmax(1) != seen.argmax(1)).sum() > 20


def test_the_likeliest_of_several_starts_is_kept():
    codes = jnp.asarray(RNG.uniform(size=(200, 2)), jnp.float32)

    def height(key, restarts):
        mixture = fitted_mixture(codes, 6, key, restarts=restarts, steps=10)
        return mixture.log_prob(codes).mean()

    keys = jax.random.split(KEY, 8)
    alone = jax.jit(lambda: jax.vmap(lambda key: height(key, 1))(keys))()
    assert np.ptp(alone) > 0.03
    best = jax.jit(lambda: height(KEY, 8))()
    assert float(best) > np.sort(alone)[-3]


def test_a_scaled_prior_is_the_density_of_the_scaled_draws():
    inner = Learned({}, StandardNormal(3))
    shift, scale = moments(CODES)
    prior = Rescaled(inner, shift, scale)
    expected = stats.norm.logpdf(POINTS, np.float64(shift), np.float64(scale)).sum(-1)
    log_prob = jax.jit(lambda prior: prior.log_prob(POINTS.reshape(7, 1, 3)))(prior)
    np.testing.assert_allclose(log_prob[:, 0], expected, rtol=1e-5)
    drawn = np.asarray(prior.sample(KEY, 20_000))
    np.testing.assert_allclose(drawn.mean(0), shift, atol=0.1)
    np.testing.assert_allclose(drawn.std(0), scale, rtol=0.03)
    assert prior.size == inner.size == 3


def test_a_dimension_that_never_moves_is_left_unscaled():
    _, scale = moments(jnp.zeros((5, 2)))
    assert scale.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "fit, complaint",
    [
        (lambda c: fitted_normal(c[:3]), "fitted_normal: 3 codes of 3 dimensions"),
        (lambda c: fitted_mixture(c, 700, KEY), r"components=700\): expected 1 to 600"),
        (lambda c: fitted_mixture(c, 0, KEY), r"components=0\)"),
        (lambda c: fitted_mixture(c, 2, KEY, restarts=0), r"restarts=0\)"),
    ],
)
def test_what_cannot_be_fitted_is_refused(fit, complaint):
    with pytest.raises(ValueError, match=complaint):
        fit(CODES)
