"""Critics of images against convolutions by scipy, and under all that wraps them."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import correlate2d

from jaxgen.models.critic_transforms import Augmented, Packed, SpectralNorm, over_batch
from jaxgen.models.image_critic import DCGANCritic, ResidualCritic
from jaxgen.nn.augment import translated
from jaxgen.nn.convolution import ResidualBlock
from jaxgen.nn.heads import Linear, MinibatchStddev, Projection
from jaxgen.objectives.penalties import r1
from learners import cosines

X = jnp.asarray(np.random.default_rng(0).normal(size=(4, 8, 8, 2)), jnp.float32)


def convolved(layer, x, stride=1):
    """A convolution with "SAME" padding in float64."""
    kernel, bias = np.asarray(layer["kernel"], np.float64), layer.get("bias", 0.0)
    side, x = len(kernel), np.asarray(x, np.float64)
    total = [max((-(-n // stride) - 1) * stride + side - n, 0) for n in x.shape[1:3]]
    around = [(0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)]
    x = np.pad(x, around)[..., None]
    parts = [
        [correlate2d(image[:, :, i, 0], kernel[:, :, i, o], "valid") for i, o in pairs]
        for image in x
        for o in range(kernel.shape[3])
        for pairs in [[(i, o) for i in range(kernel.shape[2])]]
    ]
    sums = np.sum(parts, axis=1).reshape(len(x), kernel.shape[3], *parts[0][0].shape)
    return np.moveaxis(sums, 1, 3)[:, ::stride, ::stride] + np.asarray(bias)


def leaky(x, slope=0.2):
    return np.where(x > 0, x, slope * x)


def drawn(module, *inputs):
    """Parameters none of which is zero."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), *inputs)
    rng = np.random.default_rng(1)
    return jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(0, 0.5, leaf.shape), jnp.float32), shapes
    )


def block(params, x):
    """A residual block by its formula."""
    branch = convolved(params["Convolution_0"], leaky(x))
    branch = convolved(params["Convolution_1"], leaky(branch))
    straight = x @ params["Dense_0"]["kernel"] if "Dense_0" in params else x
    return straight + 0.1 * branch


@pytest.mark.parametrize("kernel, size", [(3, 8), (4, 7)])
def test_a_dcgan_critic_is_its_convolutions(kernel, size):
    critic = DCGANCritic((3, 4), kernel, slope=0.3, normalized=1)
    samples = X[:, :size, :size]
    variables = drawn(critic, samples)
    params = jax.tree.map(np.asarray, variables["params"])
    x = leaky(convolved(params["Convolution_0"], samples, 2), 0.3)
    x = convolved(params["Convolution_1"], x, 2)
    mean, var = (f(x, axis=(0, 1, 2), keepdims=True) for f in (np.mean, np.var))
    norm = params["BatchNormalization_0"]
    x = leaky((x - mean) / np.sqrt(var + 1e-5) * norm["scale"] + norm["bias"], 0.3)
    head = params["head"]["Dense_0"]
    expected = x.reshape(len(x), -1) @ head["kernel"][:, 0] + head["bias"]
    seen = jax.jit(critic.apply)(variables, samples)
    np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-4)
    assert set(params["Convolution_1"]) == {"kernel"}


def test_a_residual_critic_is_its_blocks():
    critic = ResidualCritic((2, 3))
    variables = drawn(critic, X)
    params = jax.tree.map(np.asarray, variables["params"])
    x = block(params["ResidualBlock_0"], convolved(params["Convolution_0"], X))
    x = x.reshape(4, 4, 2, 4, 2, 2).mean(axis=(2, 4))
    x = leaky(block(params["ResidualBlock_1"], x)).reshape(4, -1)
    head = params["head"]["Dense_0"]
    expected = x @ head["kernel"][:, 0] + head["bias"]
    seen = jax.jit(critic.apply)(variables, X)
    np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-4)


def count(module, *inputs):
    shapes = jax.eval_shape(module.init, jax.random.key(0), *inputs)["params"]
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize("first", [2, 4])
def test_the_published_critic_of_stacked_digits_counts(first):
    a, b, c = first, 2 * first, 4 * first
    critic = DCGANCritic((a, b, c), kernel=3, slope=0.3, normalized=3)
    kernels = 9 * (3 * a + a * b + b * c)
    # a scale and a bias for each channel; 28 pixels become 14, 7 and 4
    expected = kernels + 2 * (a + b + c) + (4 * 4 * c + 1)
    assert count(critic, jnp.zeros((2, 28, 28, 3))) == expected
    assert expected == {2: 571, 4: 1861}[first]


def test_the_critic_of_the_dcgan_paper_counts():
    w = (128, 256, 512, 1024)
    kernels = 16 * (3 * w[0] + w[0] * w[1] + w[1] * w[2] + w[2] * w[3])
    expected = kernels + w[0] + 2 * sum(w[1:]) + (4 * 4 * w[3] + 1)
    assert count(DCGANCritic(normalized=3), jnp.zeros((2, 64, 64, 3))) == expected


def test_blocks_and_residual_critics_count():
    assert count(ResidualBlock(5), jnp.zeros((1, 4, 4, 5))) == 2 * (9 * 25 + 5)
    wider = (9 * 3 * 3 + 3) + (9 * 3 * 5 + 5) + 3 * 5
    assert count(ResidualBlock(5), jnp.zeros((1, 4, 4, 3))) == wider
    whole = (9 * 1 * 3 + 3) + 2 * (9 * 9 + 3) + wider + (14 * 14 * 5 + 1)
    assert count(ResidualCritic((3, 5)), jnp.zeros((1, 28, 28, 1))) == whole


SMALL = {
    "dcgan": DCGANCritic((2, 3), 3, kernel_init=cosines, head=Linear(cosines)),
    "residual": ResidualCritic((2, 3), cosines, Linear(cosines)),
}
NORMALIZED = DCGANCritic((2, 3), 3, normalized=2, head=Linear(cosines))
ALL = {**SMALL, "normalized": NORMALIZED}


@pytest.mark.parametrize("critic", ALL.values(), ids=ALL)
def test_only_a_normalized_critic_looks_across_the_batch(critic):
    apply = jax.jit(critic.apply)
    other = jnp.concatenate([X[:1], 2 * X[1:]])
    variables = drawn(critic, X)
    change = abs(apply(variables, other)[0] - apply(variables, X)[0])
    assert (change > 1e-3) == over_batch(critic) == over_batch(Packed(critic, 2))
    assert set(variables) == {"params"}


def test_real_and_generated_samples_have_their_own_statistics():
    apply, variables = jax.jit(NORMALIZED.apply), drawn(NORMALIZED, X)
    np.testing.assert_allclose(
        apply(variables, 5 * X), apply(variables, X), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("inner", SMALL.values(), ids=SMALL)
def test_critics_train_under_transforms_heads_and_vmap(inner):
    head = MinibatchStddev(Linear(cosines), group=2)
    critic = inner.copy(widths=(2,), head=head)
    critic = SpectralNorm(Augmented(Packed(critic, 2), translated(1 / 4)))
    x, rngs = X[:, :4, :4], {"augmentation": jax.random.key(1)}
    variables = drawn(critic, x)

    def slope(scale):
        """Of logits and of their own slope, by all parameters."""

        def loss(params):
            def logits(x):
                return critic.apply({**variables, "params": params}, x, rngs=rngs)

            return logits(x).mean() + r1(logits, x, x, rngs["augmentation"])

        return jax.grad(loss)(jax.tree.map(lambda w: scale * w, variables["params"]))

    slopes = jax.jit(jax.vmap(slope))
    one, other = slopes(jnp.array([1.0, 1.5])), slopes(jnp.array([1.5, 1.0]))
    turned = jax.tree.map(lambda leaf: leaf[::-1], other)
    chex.assert_trees_all_close(one, turned, rtol=1e-4, atol=1e-5)
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(one))


@pytest.mark.parametrize("inner", SMALL.values(), ids=SMALL)
def test_conditions_reach_the_head(inner):
    critic = inner.copy(head=Projection(3))
    labels = jnp.arange(4) % 3
    variables = drawn(critic, X, labels)
    apply = jax.jit(critic.apply)
    change = apply(variables, X, labels) - apply(variables, X, 0 * labels)
    assert (np.abs(change) > 1e-3).tolist() == [False, True, True, False]


@pytest.mark.parametrize("normalized", [-1, 3])
def test_no_more_layers_are_normalized_than_there_are(normalized, key):
    critic = DCGANCritic((2, 3), normalized=normalized)
    with pytest.raises(
        ValueError, match=rf"normalized={normalized}\): expected 0 to 2"
    ):
        jax.eval_shape(critic.init, key, X)


def test_sides_that_cannot_be_halved_are_refused(key):
    critic = ResidualCritic((2, 2, 2, 2))
    with pytest.raises(ValueError, match=r"\(28, 8\) pixels; expected multiples of 8"):
        jax.eval_shape(critic.init, key, jnp.zeros((2, 28, 8, 1)))
