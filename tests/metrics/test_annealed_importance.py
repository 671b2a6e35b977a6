"""Annealed importance sampling against probabilistic PCA, whose likelihood is known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxgen.densities.normal import normal_log_prob
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


PRIOR = 2.0  # another scale than the standard normal's
ANNEALING = Annealing(400, chains=16, leapfrog_steps=5, step_size=0.2)


def log_prior(codes):
    return normal_log_prob(codes, jnp.zeros((1, 2)), PRIOR).sum(-1)


def log_likelihood(codes, image):
    return normal_log_prob(image[None], codes @ LOADINGS.T, NOISE).sum(-1)


def sample_prior(key, count):
    return PRIOR * jax.random.normal(key, (count, 2))


def exact():
    spread = PRIOR**2 * LOADINGS @ LOADINGS.T + NOISE**2 * np.eye(6)
    return scipy.stats.multivariate_normal(np.zeros(6), spread).logpdf(IMAGES)


@partial(jax.jit, static_argnums=1)
def of_images(key, annealing):
    given = log_prior, log_likelihood, sample_prior, jnp.asarray(IMAGES)
    return annealed_likelihoods(*given, key, annealing)


@pytest.fixture(scope="module")
def found():
    return of_images(jax.random.key(0), ANNEALING)


def test_it_is_the_likelihood_within_its_error(found):
    z = (found.log_likelihood - exact()) / found.error
    assert found.error.max() < 0.25 and found.effective.min() > 8
    assert (abs(z) < 4).all()
    assert 0.7 < np.std(z) < 1.4
    # of all images the estimate is below on average, by half the variance
    mean = (found.log_likelihood - exact()).mean()
    spread = np.sqrt((found.error**2).mean() / COUNT)
    assert abs(mean + (found.error**2).mean() / 2) < 4 * spread


def test_chains_are_accepted_as_often_as_wanted(found):
    assert (abs(found.acceptance - 0.65) < 0.05).all()
    assert found.step_size.shape == found.acceptance.shape == (COUNT,)
    assert (found.step_size > 0.05).all()


def test_an_image_of_many_is_the_image_alone(found):
    def of_one(image, key):
        given = log_prior, lambda codes: log_likelihood(codes, image), sample_prior
        return annealed_likelihood(*given, key, ANNEALING)

    keys = jax.random.split(jax.random.key(0), COUNT)
    alone = jax.jit(of_one)(IMAGES[5], keys[5])
    np.testing.assert_allclose(alone.log_likelihood, found.log_likelihood[5], atol=1e-2)


def test_one_temperature_is_the_prior_alone_and_far_below(found):
    """Without transitions the weights are likelihoods of codes from the prior."""
    one = of_images(jax.random.key(1), Annealing(1, 16, leapfrog_steps=1))
    assert (one.log_likelihood - exact()).mean() < -2
    assert one.effective.mean() < 4 < found.effective.mean()


def test_temperatures_rise_from_zero_to_one():
    betas = np.asarray(sigmoid_temperatures(50))
    assert betas.shape == (51,) and betas[0] == 0 and betas[-1] == 1
    steps = np.diff(betas)
    assert (steps > 0).all() and steps.argmax() in (24, 25)
    np.testing.assert_allclose(steps, steps[::-1], atol=1e-6)
    with pytest.raises(ValueError, match="steps=0"):
        sigmoid_temperatures(0)
