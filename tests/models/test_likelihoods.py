"""Likelihoods beside scipy and numpy in double precision, and what they sum to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, log_softmax, softmax

from jaxgen.models.gaussian_likelihoods import LearnedGaussian, PixelGaussian
from jaxgen.models.level_likelihoods import (
    Categorical,
    DiscretizedLogisticMixture,
    log_logistic_between,
)
from jaxgen.models.likelihoods import Bernoulli, Gaussian

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
MIXTURE = DiscretizedLogisticMixture(3, 6)
SHAPE = (2, 3, 2, 2)  # images, rows, columns, channels
LEVELS = RNG.integers(0, 6, SHAPE)
LEVELS[0, 0] = [[0, 5], [5, 0]]
IMAGES = jnp.asarray(LEVELS / 5, jnp.float32)


def outputs_of(likelihood, *leading):
    shape = (*leading, *SHAPE[:3], SHAPE[3] * likelihood.outputs)
    return jnp.asarray(RNG.normal(size=shape), jnp.float32)


def mixture_by_hand(outputs, level):
    """Log-probability of one level under one channel's outputs."""
    logits, centres, log_scales = np.split(np.float64(outputs), 3)
    x, half, scale = 2 * level / 5 - 1, 1 / 5, np.exp(log_scales)
    upper = 1.0 if level == 5 else expit((x + half - centres) / scale)
    lower = 0.0 if level == 0 else expit((x - half - centres) / scale)
    return np.log((softmax(logits) * (upper - lower)).sum())


def test_a_scale_for_each_pixel_is_that_of_scipy():
    outputs = outputs_of(PixelGaussian(), 4)
    mean, log_scale = np.split(np.float64(outputs), 2, axis=-1)
    scale = 0.01 + np.exp(log_scale)
    expected = stats.norm.logpdf(np.float64(IMAGES)[None], mean, scale).sum((2, 3, 4))
    seen = jax.jit(PixelGaussian().log_prob)(outputs, IMAGES[None])
    np.testing.assert_allclose(seen, expected, rtol=1e-5)
    np.testing.assert_array_equal(PixelGaussian().mean(outputs), mean)
    many = jnp.broadcast_to(outputs[:1], (4000, *outputs.shape[1:]))
    drawn = jax.jit(PixelGaussian().sample)(many, KEY)
    np.testing.assert_allclose(drawn.mean(0), mean[0], atol=0.4)
    np.testing.assert_allclose(drawn.std(0), scale[0], rtol=0.08)


def test_a_learned_scale_is_best_at_the_root_of_the_mean_squared_error():
    likelihood, outputs = LearnedGaussian(), outputs_of(LearnedGaussian())
    error = float(jnp.sqrt(((outputs - IMAGES) ** 2).mean()))

    def total(log_scale):
        variables = {"params": {"log_scale": log_scale}}
        return likelihood.apply(variables, outputs, IMAGES, method="log_prob").sum()

    best = jnp.log(error)
    expected = stats.norm.logpdf(IMAGES, outputs, error).sum()
    value, slope = jax.jit(jax.value_and_grad(total))(best)
    assert float(value) == pytest.approx(expected, rel=1e-5)
    assert abs(float(slope)) < 1e-4
    drawn = likelihood.apply(
        {"params": {"log_scale": best}}, jnp.zeros((1, 99, 99, 1)), KEY, method="sample"
    )
    assert float(drawn.std()) == pytest.approx(error, rel=0.03)
    np.testing.assert_array_equal(likelihood.mean(outputs), outputs)


def test_levels_have_their_probabilities():
    likelihood = Categorical(6)
    outputs = outputs_of(likelihood, 4)
    logits = np.float64(outputs).reshape(4, *SHAPE, 6)
    chosen = np.take_along_axis(log_softmax(logits, -1), LEVELS[None, ..., None], -1)
    seen = jax.jit(likelihood.log_prob)(outputs, IMAGES[None])
    np.testing.assert_allclose(seen, chosen.sum((2, 3, 4, 5)), rtol=1e-5)


def test_a_discretized_mixture_is_that_of_its_formula():
    outputs = outputs_of(MIXTURE, 4)
    by_channel = np.asarray(outputs).reshape(4, *SHAPE, 9)
    expected = np.zeros((4, 2))
    for place in np.ndindex(4, *SHAPE):
        expected[place[:2]] += mixture_by_hand(by_channel[place], LEVELS[place[1:]])
    seen = jax.jit(MIXTURE.log_prob)(outputs, IMAGES[None])
    np.testing.assert_allclose(seen, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "likelihood", [MIXTURE, Categorical(6), DiscretizedLogisticMixture(2)], ids=repr
)
def test_probabilities_of_levels_sum_to_one_and_are_what_is_drawn(likelihood):
    outputs = jnp.asarray(RNG.normal(size=(1, 1, 1, likelihood.outputs)), jnp.float32)
    values = np.linspace(0, 1, likelihood.levels, dtype=np.float32)

    def every(outputs):
        many = jnp.broadcast_to(outputs, (20_000, *outputs.shape[1:]))
        images = jnp.asarray(values)[:, None, None, None]
        log_chances = likelihood.log_prob(many[: len(images)], images)
        return log_chances, likelihood.mean(outputs), likelihood.sample(many, KEY)

    log_chances, mean, drawn = jax.jit(every)(outputs)
    chances = np.exp(np.float64(log_chances))
    assert chances.sum() == pytest.approx(1, abs=1e-4)
    assert float(mean[0, 0, 0, 0]) == pytest.approx((chances * values).sum(), abs=1e-4)
    counts = np.bincount(
        np.int64(np.round(np.ravel(drawn) * (likelihood.levels - 1))),
        minlength=likelihood.levels,
    )
    error = np.sqrt(chances * (1 - chances) / 20_000)
    assert (np.abs(counts / 20_000 - chances) < 5 * error + 1e-4).all()
    likelihood.require_support(np.asarray(drawn[:5], np.float32))


def test_levels_in_the_tails_have_finite_probabilities_and_slopes():
    lower, upper = (
        jnp.array([-jnp.inf, 200.0, -201.0]),
        jnp.array([-300.0, 201.0, -200.0]),
    )
    seen = log_logistic_between(lower, upper)
    gap = np.log(-np.expm1(-1.0))
    np.testing.assert_allclose(seen, [-300, -200 + gap, -200 + gap], rtol=1e-6)
    outputs = jnp.tile(jnp.array([0.0, 9.0, -20.0]), 2)[None, None, None]
    black, likelihood = jnp.zeros((1, 1, 1, 2)), DiscretizedLogisticMixture(1)
    slope = jax.jit(jax.grad(lambda o: likelihood.log_prob(o, black)[0]))(outputs)
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", ["log_prob", "mean", "sample"])
def test_every_likelihood_does_all_a_model_asks_of_it(name):
    images, several = jnp.zeros((2, 3, 4, 2)), (5, 2, 3, 4)
    for likelihood in (
        Bernoulli(),
        Gaussian(),
        LearnedGaussian(),
        PixelGaussian(),
        Categorical(6),
        DiscretizedLogisticMixture(2, 6),
    ):
        outputs = jnp.zeros((*several, 2 * likelihood.outputs))
        others = {"log_prob": (images[None],), "mean": (), "sample": (KEY,)}[name]
        if isinstance(likelihood, LearnedGaussian):
            variables = {"params": {"log_scale": jnp.zeros(())}}
            likelihood = likelihood.bind(variables)
        shape = jax.eval_shape(getattr(likelihood, name), outputs, *others).shape
        assert shape == ((5, 2) if name == "log_prob" else (*several, 2))


@pytest.mark.parametrize(
    "likelihood, value, complaint",
    [
        (Categorical(6), 0.5, "Categorical: a pixel of 0.5; expected one of 6 levels"),
        (MIXTURE, 1.2, "Mixture: a pixel of 1.2.*within"),
        (MIXTURE, 0.3, "Mixture: a pixel of 0.3.*one of 6 levels"),
        (PixelGaussian(), np.nan, "PixelGaussian: a pixel of nan"),
        (LearnedGaussian(), np.inf, "LearnedGaussian: a pixel of inf"),
    ],
)
def test_images_without_a_probability_are_refused(likelihood, value, complaint):
    with pytest.raises(ValueError, match=complaint):
        likelihood.require_support(np.full((1, 2, 2, 1), value))
