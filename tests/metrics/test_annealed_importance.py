"""Annealed importance sampling against probabilistic PCA, whose likelihood is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxgen.densities.normal import normal_log_prob, standard_normal_log_prob
from jaxgen.metrics.annealed_importance import (
    Annealing,
    annealed_likelihood,
    annealed_likelihoods,
    sigmoid_temperatures,
)

NOISE, COUNT = 0.3, 48
RNG = np.random.default_rng(0)
LOADINGS = RNG.normal(size=(6, 2)).astype(np.float32)
IMAGES = RNG.normal(size=(COUNT, 2)) @ LOADINGS.T + NOISE * RNG.normal(size=(COUNT, 6))
IMAGES = IMAGES.astype(np.float32)


def log_likelihood(codes, image):
    return normal_log_prob(image[None], codes @ LOADINGS.T, NOISE).sum(-1)


def standard_normal(key, count):
    return jax.random.normal(key, (count, 2))


def exact(scale=1.0):
    spread = scale**2 * LOADINGS @ LOADINGS.T + NOISE**2 * np.eye(6)
    return scipy.stats.multivariate_normal(np.zeros(6), spread).logpdf(IMAGES)


@pytest.fixture(scope="module")
def found():
    score = jax.jit(
        lambda key: annealed_likelihoods(
            standard_normal_log_prob,
            log_likelihood,
            standard_normal,
            IMAGES,
            key,
            Annealing(400, chains=16, leapfrog_steps=5, step_size=0.2),
            batch=16,
        )
    )
    return score(jax.random.key(0))


def test_it_is_the_likelihood_within_its_error(found):
    z = (found.log_likelihood - exact()) / found.error
    assert found.error.max() < 0.25 and found.effective.min() > 8
    assert (abs(z) < 4).all()
    # of all images the estimate is below on average, by half the variance
    mean = (found.log_likelihood - exact()).mean()
    spread = np.sqrt((found.error**2).mean() / COUNT)
    assert abs(mean + (found.error**2).mean() / 2) < 4 * spread
    assert 0.7 < np.std(z) < 1.4


def test_chains_are_accepted_as_often_as_wanted(found):
    assert (abs(found.acceptance - 0.65) < 0.05).all()
    assert found.step_size.shape == found.acceptance.shape == (COUNT,)
    assert (found.step_size > 0.05).all()


def test_an_image_of_many_is_the_image_alone(found):
    alone = jax.jit(
        lambda image, key: annealed_likelihood(
            standard_normal_log_prob,
            lambda codes: log_likelihood(codes, image),
            standard_normal,
            key,
            Annealing(400, chains=16, leapfrog_steps=5, step_size=0.2),
        )
    )(IMAGES[5], jax.random.split(jax.random.key(0), COUNT)[5])
    np.testing.assert_allclose(alone.log_likelihood, found.log_likelihood[5], atol=1e-2)


def test_one_temperature_samples_the_prior_and_more_raise_the_estimate():
    """Without transitions the weights are likelihoods of codes from the prior."""

    def of(temperatures):
        return jax.jit(
            lambda key: annealed_likelihoods(
                lambda z: normal_log_prob(z, jnp.zeros((1, 2)), 2.0).sum(-1),
                log_likelihood,
                lambda key, count: 2 * standard_normal(key, count),
                IMAGES,
                key,
                Annealing(temperatures, 16, 5, 0.2, factor=1.1),
            )
        )(jax.random.key(1))

    one, many = of(1), of(150)
    truth = exact(scale=2.0)
    assert (one.log_likelihood - truth).mean() < -2
    assert abs((many.log_likelihood - truth).mean()) < 0.15
    assert one.effective.mean() < 4 < many.effective.mean()


def test_temperatures_rise_from_zero_to_one():
    betas = np.asarray(sigmoid_temperatures(50))
    assert betas.shape == (51,) and betas[0] == 0 and betas[-1] == 1
    steps = np.diff(betas)
    assert (steps > 0).all() and steps.argmax() in (24, 25)
    np.testing.assert_allclose(steps, steps[::-1], atol=1e-6)
    with pytest.raises(ValueError, match="steps=0"):
        sigmoid_temperatures(0)
