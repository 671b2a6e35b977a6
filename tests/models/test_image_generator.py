"""Generators of images against transposed convolutions by scipy, and by hand counts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import correlate2d

from jaxgen.models.image_generator import DCGANGenerator, ResidualGenerator
from jaxgen.nn.convolution import TransposedConvolution
from learners import cosines

Z = jnp.asarray(np.random.default_rng(0).normal(size=(16, 3)), jnp.float32)
KEY = jax.random.key(0)
NET = DCGANGenerator(7, 2, (3, 2), kernel=3)
STACKED = DCGANGenerator(28, 3, (64, 32, 16, 8), kernel=3, last_stride=1)


def variables_of(module, x, *train):
    """Nowhere trivial, with positive statistics."""
    shapes = jax.eval_shape(lambda key: module.init(key, x, *train), KEY)
    rng = np.random.default_rng(1)
    return jax.tree.map(
        lambda leaf: jnp.asarray(rng.uniform(0.2, 1, leaf.shape), jnp.float32), shapes
    )


def transposed(layer, x, side, stride):
    """Each pixel adds its kernels to the image, of which "SAME" padding is cut off."""
    kernel, bias = np.asarray(layer["kernel"], np.float64), layer.get("bias", 0.0)
    count, height, width, _ = x.shape
    reach = (height - 1) * stride + len(kernel)
    image = np.zeros((count, reach, reach, kernel.shape[3]))
    for i in range(height):
        for j in range(width):
            rows = slice(i * stride, i * stride + len(kernel))
            columns = slice(j * stride, j * stride + len(kernel))
            image[:, rows, columns] += np.einsum("nc,abcd->nabd", x[:, i, j], kernel)
    first = (reach - side) // 2
    return image[:, first : first + side, first : first + side] + np.asarray(bias)


@pytest.mark.parametrize("side, kernel, stride", [(8, 4, 2), (7, 3, 2), (4, 3, 1)])
def test_a_transposed_convolution_adds_up_kernels(side, kernel, stride):
    layer = TransposedConvolution(2, side, kernel, stride)
    x = np.random.default_rng(2).normal(size=(2, 4, 4, 3)).astype(np.float32)
    x = jnp.asarray(x)
    variables = variables_of(layer, x)
    expected = transposed(variables["params"], x, side, stride)
    seen = jax.jit(layer.apply)(variables, x)
    np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-4)


def by_formula(variables, statistics=None):
    """Samples of ``NET``, and the statistics of each layer's inputs, in float64."""
    params, seen = jax.tree.map(np.asarray, variables["params"]), []
    x = np.einsum("nz,zhwc->nhwc", Z, params["DenseGeneral_0"]["kernel"], dtype="f8")
    for layer, side in enumerate((4, 7)):  # from two pixels
        seen.append((x.mean((0, 1, 2)), x.var((0, 1, 2))))
        mean, var = seen[-1] if statistics is None else statistics[layer]
        norm = params[f"BatchNorm_{layer}"]
        x = (x - mean) / np.sqrt(var + 1e-5) * norm["scale"] + norm["bias"]
        layer = params[f"TransposedConvolution_{layer}"]
        x = transposed(layer, np.maximum(x, 0), side, stride=2)
    return np.tanh(x), seen


@pytest.fixture(scope="module")
def trained():
    """Variables of ``NET``; what it says in training; new statistics."""
    variables = variables_of(NET, Z, True)
    variables = jax.tree.map(lambda leaf: leaf / 2, variables)  # away from tanh's ends
    run = jax.jit(lambda v: NET.apply(v, Z, True, mutable=["batch_stats"]))
    return variables, *run(variables)


def test_training_uses_the_statistics_of_the_batch(trained):
    variables, samples, _ = trained
    np.testing.assert_allclose(samples, by_formula(variables)[0], atol=1e-4)
    assert np.abs(samples).max() < 1 and np.std(samples) > 0.05


def test_statistics_of_the_population_move_by_a_tenth(trained):
    variables, _, new = trained
    for layer, moments in enumerate(by_formula(variables)[1]):
        old, now = (v["batch_stats"][f"BatchNorm_{layer}"] for v in (variables, new))
        for name, value in zip(("mean", "var"), moments, strict=True):
            expected = 0.9 * old[name] + 0.1 * value
            np.testing.assert_allclose(now[name], expected, rtol=1e-4, atol=1e-5)


def test_users_get_the_statistics_of_the_population(trained):
    variables, in_training, _ = trained
    layers = [variables["batch_stats"][f"BatchNorm_{i}"] for i in range(2)]
    statistics = [[np.asarray(s[name]) for name in ("mean", "var")] for s in layers]
    samples = jax.jit(lambda v: NET.apply(v, Z, False))(variables)
    np.testing.assert_allclose(samples, by_formula(variables, statistics)[0], atol=1e-4)
    assert np.abs(samples - in_training).max() > 0.01


def count(module, latent):
    shapes = jax.eval_shape(
        lambda key: module.init(key, jnp.zeros((2, latent)), False), KEY
    )
    return sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))


def test_the_published_generator_of_stacked_digits_counts():
    dense = 256 * 4 * 4 * 64
    kernels = 9 * (64 * 32 + 32 * 16 + 16 * 8 + 8 * 3) + 3
    assert count(STACKED, 256) == dense + kernels + 2 * (64 + 32 + 16 + 8) == 286795


def test_the_generator_of_the_dcgan_paper_counts():
    w = (1024, 512, 256, 128)
    kernels = 16 * (w[0] * w[1] + w[1] * w[2] + w[2] * w[3] + w[3] * 3) + 3
    assert count(DCGANGenerator(), 100) == 100 * 16 * w[0] + kernels + 2 * sum(w)


def test_a_residual_generator_counts():
    blocks = 2 * (9 * 16 + 4) + (9 * 4 * 3 + 3) + (9 * 3 * 3 + 3) + 4 * 3
    whole = (5 + 1) * 14 * 14 * 4 + blocks + (9 * 3 * 1 + 1)
    assert count(ResidualGenerator(28, 1, (4, 3)), 5) == whole


IMAGES = [
    DCGANGenerator(8, 1, (4,)),
    DCGANGenerator(8, 1, (4, 3), kernel=3, last_stride=1),
    DCGANGenerator(16, 1, (4, 3)),
    DCGANGenerator(32, 3, (4, 3, 2)),
    DCGANGenerator(64, 3, (4, 3, 2, 2)),
    STACKED,
    ResidualGenerator(8, 1, (4, 3)),
    ResidualGenerator(16, 1, (4, 3)),
    ResidualGenerator(28, 1, (4, 3)),
    ResidualGenerator(32, 3, (4, 3, 2, 2)),
    ResidualGenerator(64, 3, (4, 3, 3, 2, 2)),
]


@pytest.mark.parametrize("generator", IMAGES, ids=lambda g: type(g).__name__)
def test_images_have_their_size(generator, key):
    def images(key):
        return generator.init_with_output(key, Z, True)[0]

    side, channels = generator.size, generator.channels
    assert jax.eval_shape(images, key).shape == (16, side, side, channels)


def test_the_sides_of_stacked_digits_are_those_of_the_authors_code():
    seen = jax.eval_shape(
        lambda key: STACKED.init_with_output(
            key, Z, True, capture_intermediates=True, mutable=True
        )[1]["intermediates"],
        KEY,
    )
    layers = (seen[f"TransposedConvolution_{layer}"] for layer in range(4))
    shapes = [layer["__call__"][0].shape[1:] for layer in layers]
    assert shapes == [(7, 7, 32), (14, 14, 16), (28, 28, 8), (28, 28, 3)]


def convolved(layer, image):
    """A convolution of three pixels of one image, in float64."""
    kernel, bias = (np.asarray(layer[name], np.float64) for name in ("kernel", "bias"))
    return bias + np.stack(
        [
            sum(
                correlate2d(image[:, :, c], kernel[:, :, c, d], "same")
                for c in range(image.shape[2])
            )
            for d in range(kernel.shape[3])
        ],
        axis=2,
    )


def test_a_residual_generator_is_its_blocks():
    net = ResidualGenerator(4, 2, (3, 3), cosines)
    variables = variables_of(net, Z, True)
    params = variables["params"] = jax.tree.map(
        lambda leaf: leaf - 0.6, variables["params"]
    )

    def leaky(x):
        return np.where(x > 0, x, 0.2 * x)

    def block(layer, x):
        branch = convolved(layer["Convolution_0"], leaky(x))
        return x + 0.1 * convolved(layer["Convolution_1"], leaky(branch))

    def sample(z):
        dense = params["DenseGeneral_0"]
        x = np.einsum("z,zhwc->hwc", z, dense["kernel"]) + dense["bias"]
        x = np.kron(block(params["ResidualBlock_0"], x), np.ones((2, 2, 1)))
        x = leaky(block(params["ResidualBlock_1"], x))
        return np.tanh(convolved(params["Convolution_0"], x))

    images = jax.jit(lambda z: net.apply(variables, z, True))
    expected = [sample(z) for z in np.asarray(Z, np.float64)]
    np.testing.assert_allclose(images(Z), expected, atol=1e-4)
    alone = images(Z.at[1:].set(0))[0]
    np.testing.assert_allclose(alone, expected[0], atol=1e-4)
    assert set(variables) == {"params"} and np.std(expected) > 0.1


@pytest.mark.parametrize(
    "fields, complaint",
    [
        ({"size": 8}, r"strides \(2, 2, 2, 2\) make at least 16 pixels a side"),
        ({"kernel": 1}, r"kernel=1\): expected at least the largest stride, 2"),
    ],
)
def test_images_that_cannot_be_reached_are_refused(fields, complaint, key):
    generator = DCGANGenerator(**{"widths": (2, 2, 2, 2), **fields})
    with pytest.raises(ValueError, match=complaint):
        jax.eval_shape(lambda key: generator.init(key, Z, True), key)


def test_sizes_that_cannot_be_halved_are_refused(key):
    generator = ResidualGenerator(28, 1, (2, 2, 2, 2))
    with pytest.raises(ValueError, match=r"size=28, .*expected a multiple of 8 pixels"):
        jax.eval_shape(lambda key: generator.init(key, Z, True), key)
