"""Generators against their formulas; batch normalization with explicit statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.generator import BatchNormGenerator, PerceptronGenerator
from learners import cosines

Z = jnp.asarray(np.random.default_rng(0).normal(size=(40, 3)), jnp.float32)
NORMALIZED = BatchNormGenerator(features=2, width=6, depth=2)


def dense(layer, x):
    kernel, bias = layer["kernel"], layer.get("bias", 0.0)
    return np.asarray(x, np.float64) @ np.asarray(kernel) + np.asarray(bias)


def test_a_perceptron_is_dense_layers_with_an_activation_between(key):
    generator = PerceptronGenerator(5, 7, 2, jnp.tanh, kernel_init=cosines)
    samples, variables = generator.init_with_output(key, Z, train=True)
    net = variables["params"]["Perceptron_0"]
    layers = net["Hidden_0"]
    x = np.tanh(dense(layers["Dense_0"], Z))
    x = np.tanh(dense(layers["Dense_1"], x))
    np.testing.assert_allclose(samples, dense(net["Dense_0"], x), atol=1e-5)
    assert set(variables) == {"params"} and samples.shape == (40, 5)
    np.testing.assert_array_equal(generator.apply(variables, Z, train=False), samples)


@pytest.fixture(scope="module")
def normalized():
    """Variables that are nowhere trivial; in training: samples, and new statistics."""
    shapes = jax.eval_shape(
        lambda k: NORMALIZED.init(k, Z, train=True), jax.random.key(0)
    )
    rng = np.random.default_rng(1)
    variables = jax.tree.map(
        lambda leaf: jnp.asarray(rng.uniform(0.5, 1.5, leaf.shape), jnp.float32), shapes
    )
    train = jax.jit(
        lambda v: NORMALIZED.apply(v, Z, train=True, mutable=["batch_stats"])
    )
    return variables, *train(variables)


def by_formula(variables, means=None, variances=None):
    """Samples, and the statistics of each layer's inputs, in float64."""
    x, params, seen = Z, variables["params"], []
    for i in range(2):
        x = dense(params[f"Dense_{i}"], x)
        seen.append((x.mean(0), x.var(0)))
        mean, var = seen[-1] if means is None else (means[i], variances[i])
        scale, bias = (
            np.asarray(params[f"BatchNorm_{i}"][n]) for n in ("scale", "bias")
        )
        x = np.maximum((x - mean) / np.sqrt(var + 1e-5) * scale + bias, 0)
    return dense(params["Dense_2"], x), seen


def test_training_uses_the_statistics_of_the_batch(normalized):
    variables, samples, _ = normalized
    expected, _ = by_formula(variables)
    np.testing.assert_allclose(samples, expected, rtol=1e-4, atol=1e-4)


def test_statistics_of_the_population_move_by_a_twentieth(normalized):
    variables, _, new = normalized
    _, seen = by_formula(variables)
    for i, (mean, var) in enumerate(seen):
        old = variables["batch_stats"][f"BatchNorm_{i}"]
        now = new["batch_stats"][f"BatchNorm_{i}"]
        for name, value in [("mean", mean), ("var", var)]:
            expected = 0.95 * np.asarray(old[name]) + 0.05 * value
            np.testing.assert_allclose(now[name], expected, rtol=1e-4)


def test_users_get_the_statistics_of_the_population(normalized):
    variables, in_training, _ = normalized
    layers = [variables["batch_stats"][f"BatchNorm_{i}"] for i in range(2)]
    means, variances = ([np.asarray(s[n]) for s in layers] for n in ("mean", "var"))
    samples = NORMALIZED.apply(variables, Z, train=False)
    expected, _ = by_formula(variables, means, variances)
    np.testing.assert_allclose(samples, expected, rtol=1e-4, atol=1e-4)
    assert np.abs(samples - in_training).max() > 0.1
    few = NORMALIZED.apply(variables, Z[:3], train=False)
    np.testing.assert_allclose(few, samples[:3], rtol=1e-5)


def test_only_the_last_layer_has_a_bias_of_its_own(normalized):
    params = normalized[0]["params"]
    biased = [name for name in params if name[:5] == "Dense" and "bias" in params[name]]
    assert biased == ["Dense_2"]
