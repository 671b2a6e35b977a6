"""Autoencoders beside scipy in double precision: units, signs, and what a code changes."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from filled import filled
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.likelihoods import Bernoulli, Gaussian
from jaxgen.models.priors import StandardNormal
from jaxgen.nn.codes import ConstantGaussianCode, GaussianCode, PointCode

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
BINARY = jnp.asarray(RNG.integers(0, 2, (3, 4, 2, 1)), jnp.float32)
CODES = [PointCode(2), GaussianCode(2), ConstantGaussianCode(2, 0.5)]


def model_of(code, likelihood=Bernoulli(), shape=(4, 2, 1)):
    trunks = PerceptronEncoder(5, 1), PerceptronDecoder(shape, 5, 1)
    return Autoencoder(trunks[0], code, StandardNormal(2), trunks[1], likelihood)


@pytest.fixture(scope="module")
def params():
    """Of every model of ``CODES``; nothing in them is zero."""
    return filled(model_of(CODES[1]), BINARY, KEY, scale=1.5)["params"]


def terms_of(model, params, images, count=1):
    run = jax.jit(lambda p: model.apply({"params": p}, images, KEY, count))
    return run(params)


def test_all_codes_start_alike():
    first, *others = (jax.jit(model_of(code).init)(KEY, BINARY, KEY) for code in CODES)
    assert len(jax.tree.leaves(first)) == 10
    for other in others:
        chex.assert_trees_all_equal(first, other)


def test_all_codes_have_the_same_mean(params):
    first, *others = (
        model_of(code).apply({"params": params}, BINARY, method="encode").mean
        for code in CODES
    )
    assert np.std(first) > 0.1
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_an_autoencoder_is_the_limit_of_small_scales(params):
    def distortion(code):
        model = model_of(code)

        def value(params):
            terms = model.apply({"params": params}, BINARY, KEY, 64)
            return terms.distortion.mean()

        return jax.jit(jax.value_and_grad(value))(params)

    value, slope = distortion(PointCode(2))
    gaps = []
    for scale in (0.3, 0.1, 1e-4):
        near, near_slope = distortion(ConstantGaussianCode(2, scale))
        gaps.append(abs(float(near - value)))
    assert gaps[0] > gaps[1] > gaps[2] and gaps[0] > 0.01 and gaps[2] < 1e-4
    chex.assert_trees_all_close(slope, near_slope, atol=1e-3)


def test_points_are_charged_nothing(params):
    terms = terms_of(model_of(PointCode(2)), params, BINARY, 3)
    assert not terms.log_ratio.any() and not terms.rate.any()
    np.testing.assert_array_equal(terms.log_weights, terms.log_likelihood)
    np.testing.assert_array_equal(terms.codes[0], terms.codes[2])


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.5)], ids=repr)
def test_terms_are_those_of_scipy(likelihood, params):
    model = model_of(GaussianCode(2), likelihood)
    terms = terms_of(model, params, BINARY, 4)
    codes, scale = np.float64(terms.codes), np.float64(terms.posterior.scale)
    outputs = model.apply({"params": params}, terms.codes, method="decode")
    outputs = np.float64(outputs)
    if isinstance(likelihood, Bernoulli):
        chance = 1 / (1 + np.exp(-outputs))
        pixels = stats.bernoulli.logpmf(np.int64(BINARY), chance)
    else:
        pixels = stats.norm.logpdf(np.float64(BINARY), outputs, 0.5)
    log_likelihood = pixels.sum((2, 3, 4))
    log_ratio = stats.norm.logpdf(codes, terms.posterior.mean, scale).sum(-1)
    log_ratio -= stats.norm.logpdf(codes).sum(-1)
    close = {"rtol": 1e-5, "atol": 1e-4}
    np.testing.assert_allclose(terms.log_likelihood, log_likelihood, **close)
    np.testing.assert_allclose(terms.log_ratio, log_ratio, **close)
    np.testing.assert_allclose(terms.log_weights, log_likelihood - log_ratio, **close)
    np.testing.assert_allclose(terms.distortion, -log_likelihood.mean(0), **close)
    assert terms.distortion.min() > 0 and terms.rate.min() > 0


def test_the_rate_is_the_mean_of_what_codes_cost(params):
    terms = terms_of(model_of(GaussianCode(2)), params, BINARY, 20_000)
    error = np.std(terms.log_ratio, axis=0) / 20_000**0.5
    assert terms.rates.shape == (3, 2)
    assert (np.abs(terms.log_ratio.mean(0) - terms.rate) < 4 * error).all()
    assert (terms.rate > 20 * error).all()


def test_nats_are_of_a_whole_image():
    outputs = jnp.asarray(RNG.normal(size=(3, 4, 2, 1)), jnp.float32)
    for likelihood in (Bernoulli(), Gaussian(0.3)):
        one = likelihood.log_prob(outputs, BINARY)
        for axis in (1, 2, 3):  # rows, columns, channels
            twice = [jnp.concatenate([x, x], axis) for x in (outputs, BINARY)]
            np.testing.assert_allclose(
                likelihood.log_prob(*twice), 2 * one, rtol=1e-5, atol=1e-5
            )


def test_with_the_exact_posterior_every_weight_is_the_density_of_the_image():
    noise, pixels = 0.7, RNG.normal(size=(3, 4))
    axes = np.linalg.qr(RNG.normal(size=(4, 2)))[0] * [2.0, 0.5]  # orthogonal columns
    centre, lengths = RNG.normal(size=4), np.array([4.0, 0.25])
    gain = axes / (lengths + noise**2)
    mean = {"kernel": gain, "bias": -centre @ gain}
    log_scale = {
        "kernel": np.zeros((4, 2)),
        "bias": 0.5 * np.log(noise**2 / (lengths + noise**2)),
    }
    model = Autoencoder(
        PerceptronEncoder(depth=0),
        GaussianCode(2),
        StandardNormal(2),
        PerceptronDecoder((2, 2, 1), depth=0),
        Gaussian(noise),
    )
    params = {
        "code": {"mean": mean, "log_scale": log_scale},
        "decoder": {"Dense_0": {"kernel": axes.T, "bias": centre}},
    }
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params)
    images = jnp.asarray(pixels.reshape(3, 2, 2, 1), jnp.float32)
    terms = terms_of(model, params, images, 5)
    covariance = axes @ axes.T + noise**2 * np.eye(4)
    evidence = stats.multivariate_normal(centre, covariance).logpdf(pixels)
    expected = np.broadcast_to(evidence, (5, 3))
    np.testing.assert_allclose(terms.log_weights, expected, rtol=1e-4, atol=1e-4)


def test_what_is_seen_decides_the_code_and_not_what_is_explained(params):
    model = model_of(PointCode(2))
    noisy = 1 - BINARY
    terms = model.apply({"params": params}, BINARY, KEY, 1, seen=noisy)
    np.testing.assert_allclose(
        terms.codes[0], model.apply({"params": params}, noisy, method="encode").mean
    )
    alone = model.apply(
        {"params": params}, terms.codes, BINARY, method="log_likelihood"
    )
    np.testing.assert_array_equal(alone, terms.log_likelihood)


class Shifting(nn.Module):
    """A decoder to which a condition is added, pixel by pixel."""

    def __call__(self, codes, shift):
        return codes.sum(1)[:, None, None, None] + shift


def test_each_code_is_decoded_under_the_condition_of_its_example():
    model = Autoencoder(
        PerceptronEncoder(), PointCode(2), StandardNormal(2), Shifting(), Gaussian()
    )
    codes, shift = jnp.arange(24.0).reshape(4, 3, 2), jnp.arange(3.0)[:, None, None]
    outputs = model.apply({}, codes, shift[..., None], method="decode")
    expected = codes.sum(-1) + jnp.arange(3.0)[None]
    np.testing.assert_array_equal(outputs[..., 0, 0, 0], expected)


@pytest.mark.parametrize("shape", [(4, 2, 2), (2, 4, 1), (4, 3, 1)])
def test_a_decoder_of_other_pixels_is_refused(shape):
    model = model_of(GaussianCode(2), shape=shape)
    with pytest.raises(
        ValueError, match=r"decoder makes .*Bernoulli needs \(4, 2, 1\)"
    ):
        jax.eval_shape(lambda: model.init(KEY, BINARY, KEY))


@pytest.mark.parametrize(
    "likelihood, images, complaint",
    [
        (Bernoulli(), np.full((1, 2, 2, 1), 1.5), r"a pixel of 1.5.*\[0, 1\]"),
        (Bernoulli(), np.full((1, 2, 2, 1), np.nan), "a pixel of nan"),
        (Bernoulli(), np.full((1, 2, 2, 1), 255, np.uint8), "images of uint8.*/ 255"),
        (Gaussian(), np.full((1, 2, 2, 1), -np.inf), "a pixel of -inf"),
    ],
)
def test_images_without_a_density_are_refused(likelihood, images, complaint):
    with pytest.raises(ValueError, match=rf"{type(likelihood).__name__}: {complaint}"):
        likelihood.require_support(images)


def test_images_that_have_one_are_not():
    Bernoulli().require_support(np.float32([0, 0.5, 1]).reshape(1, 3, 1, 1))
    Gaussian().require_support(np.float32([-9, 0.5, 9]).reshape(1, 3, 1, 1))
