"""Trunks of images: sizes, sums by hand, and what a class changes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from filled import begun, filled
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.conditional_coders import ConditionedDecoder, ConditionedEncoder
from jaxgen.models.convolution_coders import ConvolutionDecoder, ConvolutionEncoder
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.likelihoods import Bernoulli
from jaxgen.models.priors import StandardNormal
from jaxgen.nn.codes import GaussianCode
from jaxgen.nn.convolution import convolved_by_patches
from jaxgen.objectives.variational import elbo
from jaxgen.training.autoencoding import autoencoding
from jaxgen.training.dispatch import repeat

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


def logits_of(key, shape, dtype=jnp.float32):
    return jnp.arange(shape[0], dtype=dtype)


@pytest.mark.parametrize(
    "side, sides", [(8, (4, 2)), (14, (7, 4)), (28, (14, 7)), (64, (32, 16))]
)
def test_a_decoder_takes_the_steps_of_an_encoder_backwards(side, sides):
    encoder, decoder = (
        ConvolutionEncoder((3, 5)),
        ConvolutionDecoder((side, side, 2), (5, 3)),
    )
    images, codes = jnp.zeros((2, side, side, 1)), jnp.zeros((2, 4))
    features = jax.eval_shape(encoder.init_with_output, KEY, images)[0]
    assert features.shape == (2, 5 * sides[1] ** 2)

    def run(key):
        return decoder.init_with_output(
            key, codes, capture_intermediates=True, mutable=True
        )

    outputs, found = jax.eval_shape(run, KEY)
    assert outputs.shape == (2, side, side, 2)
    maps = [
        found["intermediates"][name]["__call__"][0].shape[1:]
        for name in ("DenseGeneral_0", "TransposedConvolution_0")
    ]
    assert maps == [(sides[1], sides[1], 5), (sides[0], sides[0], 3)]


def test_codes_of_zeros_are_decoded_to_the_bias():
    decoder = ConvolutionDecoder((6, 6, 1), (2, 2), bias_init=logits_of)
    variables = jax.jit(decoder.init)(KEY, jnp.zeros((1, 3)))
    flat = decoder.apply(variables, jnp.zeros((1, 3))).reshape(-1)
    np.testing.assert_allclose(flat, np.arange(36.0), atol=1e-6)
    assert "bias" not in variables["params"]["TransposedConvolution_1"]


def test_patches_make_the_same_autoencoder():
    images = jnp.asarray(RNG.uniform(size=(2, 8, 8, 1)), jnp.float32)
    codes = jnp.asarray(RNG.normal(size=(2, 3)), jnp.float32)
    for module, x in (
        (ConvolutionEncoder((3, 2)), images),
        (ConvolutionDecoder((8, 8, 1), (3, 2)), codes),
    ):
        variables = filled(module, x)
        other = module.clone(convolve=convolved_by_patches)
        seen, expected = (jax.jit(m.apply)(variables, x) for m in (other, module))
        np.testing.assert_allclose(seen, expected, atol=1e-5)
        assert np.std(expected) > 0.01


@pytest.mark.parametrize(
    "how", [{"shape": (8, 6, 1)}, {"shape": (8, 8, 1), "kernel": 1}]
)
def test_images_that_cannot_be_made_are_refused(how):
    with pytest.raises(
        ValueError, match=r"ConvolutionDecoder.*expected a square image"
    ):
        jax.eval_shape(ConvolutionDecoder(**how).init, KEY, jnp.zeros((1, 2)))


CLASSES = Autoencoder(
    ConditionedEncoder(PerceptronEncoder(16, 1), 2),
    GaussianCode(1),
    StandardNormal(1),
    ConditionedDecoder(PerceptronDecoder((2, 2, 1), 16, 1), 2, 4),
    Bernoulli(),
)


def test_a_conditioned_model_learns_what_each_class_looks_like():
    labels = jnp.arange(64) % 2
    white = jnp.asarray(RNG.integers(0, 2, (64, 1, 2, 1)), jnp.float32)
    black = jnp.zeros_like(white)
    halves = [jnp.concatenate(pair, 1) for pair in ((white, black), (black, white))]
    images = jnp.where(labels[:, None, None, None] == 0, *halves)
    optimizer = optax.adam(0.02)
    learner = repeat(autoencoding(CLASSES, elbo, optimizer), 400)

    def run(state):
        state, _ = learner.update(state, (images, labels))
        codes = jax.random.normal(KEY, (3, 2, 1))
        variables = {"params": state.params}
        return CLASSES.apply(variables, codes, jnp.arange(2), method="images")

    seen = jax.jit(run)(begun(CLASSES, optimizer, images, KEY, 1, labels))
    assert seen.shape == (3, 2, 2, 2, 1)
    for label in range(2):  # the black half is black whatever the code
        assert seen[:, label, 1 - label].max() < 0.1
        assert seen[:, label, label].mean() > 0.25


def test_a_class_changes_the_code():
    images, labels = jnp.ones((2, 2, 2, 1)), jnp.arange(2)
    variables = filled(CLASSES, images, KEY, 1, labels)
    mean = CLASSES.apply(variables, images, labels, method="encode").mean
    assert abs(float(mean[0, 0] - mean[1, 0])) > 1e-3
