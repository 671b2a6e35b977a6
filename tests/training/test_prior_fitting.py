"""Priors that are learned from codes, beside the density that made them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from jaxgen.models.learned_priors import FlowPrior
from jaxgen.models.second_stage import SecondStage, as_images, second_stage
from jaxgen.nn.flows import coupling_flow, masked_autoregressive_flow
from jaxgen.training.prior_fitting import fitted_flow, fitted_second_stage

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


def bent(count):
    """Points along a parabola, and their true log-densities."""
    x, noise = RNG.normal(size=(2, count))
    points = np.stack([3 * x, x**2 + 0.3 * noise + 5], 1)
    log_density = stats.norm.logpdf(x) + stats.norm.logpdf(noise) - np.log(3 * 0.3)
    return jnp.asarray(points, jnp.float32), log_density


TRAIN, _ = bent(4000)
TEST, TRUTH = bent(1000)
FITS = {
    "masked": lambda codes: fitted_flow(
        codes,
        FlowPrior(2, masked_autoregressive_flow(2, 16, 1)),
        optax.adam(5e-3),
        KEY,
        steps=800,
    ),
    "coupling": lambda codes: fitted_flow(
        codes, FlowPrior(2, coupling_flow(3, 16, 1)), optax.adam(5e-3), KEY, steps=800
    ),
    "second stage": lambda codes: fitted_second_stage(
        codes, second_stage(2, 32, 1), optax.adam(3e-3), KEY, steps=1500
    ),
}


@pytest.fixture(scope="module", params=FITS, ids=str)
def fitted(request):
    return request.param, jax.jit(FITS[request.param])(TRAIN)


def test_a_fitted_prior_comes_near_the_density_that_made_the_codes(fitted):
    name, prior = fitted
    log_prob = np.asarray(jax.jit(lambda prior: prior.log_prob(TEST))(prior))
    gap = (TRUTH - log_prob).mean()  # the divergence from the truth
    mean, covariance = TRAIN.mean(0), np.cov(np.float64(TRAIN).T)
    normal = stats.multivariate_normal(mean, covariance).logpdf(TEST)
    assert (TRUTH - normal).mean() > 0.6
    assert -0.05 < gap < {"second stage": 0.45}.get(name, 0.1)


def test_a_fitted_prior_draws_the_curve(fitted):
    _, prior = fitted
    drawn = np.asarray(jax.jit(lambda prior: prior.sample(KEY, 2000))(prior))
    for moment in (np.mean, np.std):
        np.testing.assert_allclose(moment(drawn, 0), moment(TRAIN, 0), atol=0.6)
    away = drawn[:, 1] - 5 - (drawn[:, 0] / 3) ** 2
    assert np.quantile(np.abs(away), 0.8) < 0.7  # 0.38 in truth, 1.8 of a normal
    assert prior.size == 2


def test_the_density_of_a_second_stage_is_bounded_from_below():
    model = second_stage(2, 8, 1)
    params = jax.jit(model.init)(KEY, as_images(TEST), KEY)["params"]
    heights = [
        jax.jit(SecondStage(params, KEY, model, count).log_prob)(TEST[None])[0].mean()
        for count in (1, 8, 64)
    ]
    assert heights[0] < heights[1] < heights[2]


@pytest.mark.parametrize(
    "fit, complaint",
    [
        (
            lambda: fitted_flow(
                TRAIN, FlowPrior(3, coupling_flow()), optax.sgd(0.1), KEY, steps=1
            ),
            "fitted_flow: codes of 2 dimensions, and a prior of 3",
        ),
        (
            lambda: fitted_second_stage(
                TRAIN[:2], second_stage(2), optax.sgd(0.1), KEY, steps=1
            ),
            "fitted_second_stage: 2 codes of 2 dimensions",
        ),
    ],
)
def test_what_does_not_fit_is_refused(fit, complaint):
    with pytest.raises(ValueError, match=complaint):
        fit()
