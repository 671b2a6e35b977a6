"""Critics against their formulas, and packs against joined samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.critic import MaxoutCritic, PerceptronCritic
from jaxgen.models.critic_transforms import Packed
from learners import cosines

X = jnp.asarray(np.random.default_rng(0).normal(size=(12, 2)), jnp.float32)
SMALL = PerceptronCritic(width=7, depth=1, kernel_init=cosines)
PACKS = Packed(SMALL, size=3)


def dense(layer, x):
    kernel, bias = (np.asarray(layer[name], np.float64) for name in ("kernel", "bias"))
    return np.asarray(x) @ kernel + bias


def with_biases(critic, key, x):
    """Variables whose biases are not zero."""
    shapes = jax.eval_shape(critic.init, key, x)
    rng = np.random.default_rng(1)
    return jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), jnp.float32), shapes
    )


def test_a_perceptron_judges_each_sample(key):
    critic = PerceptronCritic(width=7, depth=2)
    variables = with_biases(critic, key, X)
    params = variables["params"]
    layers = params["Hidden_0"]
    x = np.maximum(dense(layers["Dense_0"], X), 0)
    x = np.maximum(dense(layers["Dense_1"], x), 0)
    expected = dense(params["head"]["Dense_0"], x)[:, 0]
    np.testing.assert_allclose(
        critic.apply(variables, X), expected, rtol=1e-4, atol=1e-4
    )


def test_maxout_is_the_largest_of_linear_maps(key):
    critic = MaxoutCritic(units=4, pieces=3, depth=2)
    variables = with_biases(critic, key, X)
    params, x = variables["params"], np.asarray(X, np.float64)
    for i in range(2):
        layer = params[f"Maxout_{i}"]["Dense_0"]
        kernel = np.asarray(layer["kernel"]).reshape(-1, 4, 3)
        bias = np.asarray(layer["bias"]).reshape(4, 3)
        pieces = [x @ kernel[:, :, p] + bias[:, p] for p in range(3)]
        x = np.max(pieces, axis=0)
    expected = dense(params["head"]["Dense_0"], x)[:, 0]
    np.testing.assert_allclose(
        critic.apply(variables, X), expected, rtol=1e-4, atol=1e-4
    )


@pytest.fixture(scope="module")
def packed():
    """Variables of a packed critic, and what it says."""
    variables = PACKS.init(jax.random.key(0), X)
    return variables, PACKS.apply(variables, X)


def test_a_pack_is_judged_as_its_samples_joined(packed):
    variables, logits = packed
    joined = jnp.stack([jnp.concatenate(X[i : i + 3]) for i in range(0, 12, 3)])
    inner = {"params": variables["params"]["critic"]}
    expected = PACKS.critic.apply(inner, joined)
    np.testing.assert_allclose(logits, expected, rtol=1e-6)
    assert logits.shape == (4,)


def test_whole_packs_can_change_places(packed):
    variables, logits = packed
    order = np.array([2, 0, 3, 1])
    moved = X.reshape(4, 3, 2)[order].reshape(12, 2)
    np.testing.assert_allclose(PACKS.apply(variables, moved), logits[order], rtol=1e-6)
    within = X.reshape(4, 3, 2)[:, ::-1].reshape(12, 2)
    assert np.abs(PACKS.apply(variables, within) - logits).min() > 1e-3


def test_a_pack_of_images_is_joined_along_the_channels():
    class Corner(PerceptronCritic):
        def __call__(self, samples):
            return samples[:, 1, 0, :] @ jnp.array([1.0, 10.0, 100.0, 1000.0])

    images = np.arange(48, dtype=np.float32).reshape(4, 2, 3, 2)
    joined = np.concatenate([images[0::2], images[1::2]], axis=-1)
    expected = joined[:, 1, 0] @ [1, 10, 100, 1000]
    packed = Packed(Corner(), 2).apply({}, jnp.asarray(images))
    np.testing.assert_array_equal(packed, expected)


def test_a_pack_of_one_is_the_critic_itself(key):
    alone = SMALL.init(key, X)
    one = Packed(SMALL, 1).apply({"params": {"critic": alone["params"]}}, X)
    np.testing.assert_array_equal(one, SMALL.apply(alone, X))


@pytest.mark.parametrize("size", [0, -2, 5, 24])
def test_batches_that_make_no_whole_packs_are_refused(size, key):
    complaint = rf"size={size}\): a batch of 12 samples does not divide"
    with pytest.raises(ValueError, match=complaint):
        jax.eval_shape(Packed(SMALL, size).init, key, X)
