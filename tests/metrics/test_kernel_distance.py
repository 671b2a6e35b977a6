"""Kernel distances against float64 double loops and equal distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.densities.discrepancy import gaussian_kernel, mmd_squared
from jaxgen.metrics.kernel_distance import (
    kernel_inception_distance,
    mmd_squared_biased,
    polynomial_kernel,
)

KERNELS = {
    "polynomial": (polynomial_kernel, lambda x, y: (x @ y / len(x) + 1) ** 3),
    "gaussian": (gaussian_kernel(2.0), lambda x, y: np.exp(-((x - y) @ (x - y)) / 8)),
}
MMD = jax.jit(mmd_squared, static_argnames="kernel")
BIASED = jax.jit(mmd_squared_biased, static_argnames="kernel")
KID = jax.jit(kernel_inception_distance, static_argnames=("subsets", "size"))


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def mean(kernel, x, y, skip_equal=False):
    values = [
        kernel(a.astype(np.float64), b.astype(np.float64))
        for i, a in enumerate(x)
        for j, b in enumerate(y)
        if not (skip_equal and i == j)
    ]
    return np.mean(values)


def brute(kernel, x, y, unbiased=True):
    within = mean(kernel, x, x, unbiased) + mean(kernel, y, y, unbiased)
    return within - 2 * mean(kernel, x, y)


REAL, FAKE = normal(0, 50, 8), 0.7 * normal(1, 40, 8) + 0.2


@pytest.mark.parametrize("name", KERNELS)
def test_discrepancies_are_those_of_double_loops(name):
    kernel, pair = KERNELS[name]
    np.testing.assert_allclose(
        MMD(REAL, FAKE, kernel), brute(pair, REAL, FAKE), atol=1e-5
    )
    biased = BIASED(REAL, FAKE, kernel)
    np.testing.assert_allclose(biased, brute(pair, REAL, FAKE, False), atol=1e-5)


def test_gaussian_discrepancy_of_two_points():
    x, y = np.zeros((3, 2), np.float32), np.full((3, 2), 2.0, np.float32)
    expected = 2 - 2 * np.exp(-8 / (2 * 1.5**2))
    np.testing.assert_allclose(
        mmd_squared(x, y, gaussian_kernel(1.5)), expected, rtol=1e-6
    )


@pytest.mark.parametrize("name", KERNELS)
def test_unbiased_over_seeds(name):
    kernel = KERNELS[name][0]
    x, y = jax.random.normal(jax.random.key(0), (2, 2000, 6, 8))
    values = np.asarray(jax.jit(jax.vmap(lambda x, y: mmd_squared(x, y, kernel)))(x, y))
    error = values.std() / np.sqrt(len(values))
    assert abs(values.mean()) < 4 * error
    assert (values < 0).any()
    biased = jax.jit(jax.vmap(lambda x, y: mmd_squared_biased(x, y, kernel)))(x, y)
    assert biased.mean() > 10 * error and biased.min() > 0


def test_subsets_of_everything_are_the_whole():
    value, deviation = KID(jax.random.key(0), REAL[:40], FAKE, subsets=3, size=40)
    expected = brute(KERNELS["polynomial"][1], REAL[:40], FAKE)
    np.testing.assert_allclose(value, expected, atol=1e-5)
    assert float(deviation) < 1e-5


def test_mean_over_subsets_is_unbiased_for_the_whole():
    value, deviation = KID(jax.random.key(1), REAL, FAKE, subsets=400, size=20)
    expected = brute(KERNELS["polynomial"][1], REAL, FAKE)
    assert float(deviation) > 0.01
    assert abs(float(value) - expected) < 4 * float(deviation) / 400**0.5


def test_a_repeated_point_is_at_a_finite_distance():
    value, deviation = KID(jax.random.key(0), REAL, 0 * FAKE, subsets=3, size=40)
    assert np.isfinite(value) and np.isfinite(deviation) and float(value) > 0
    assert float(MMD(0 * FAKE, 0 * FAKE, polynomial_kernel)) == 0.0


def test_bad_sizes_are_refused_by_name():
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="y has 1 points"):
        mmd_squared(REAL, FAKE[:1], polynomial_kernel)
    with pytest.raises(ValueError, match="fake has 40 points: expected at least 50"):
        kernel_inception_distance(key, REAL, FAKE, size=50)
    with pytest.raises(ValueError, match="subsets=0"):
        kernel_inception_distance(key, REAL, FAKE, subsets=0, size=10)
    with pytest.raises(ValueError, match="size has 1 points"):
        kernel_inception_distance(key, REAL, FAKE, size=1)


def test_distance_is_that_of_torchmetrics():
    torch = pytest.importorskip("torch")
    kid = pytest.importorskip("torchmetrics.image.kid")
    settings = dict(subsets=2, subset_size=40, normalize=True)
    metric = kid.KernelInceptionDistance(feature=torch.nn.Flatten(), **settings)
    metric.update(torch.tensor(REAL[:40]), real=True)
    metric.update(torch.tensor(FAKE), real=False)
    value, _ = KID(jax.random.key(0), jnp.asarray(REAL[:40]), FAKE, subsets=2, size=40)
    np.testing.assert_allclose(value, metric.compute()[0], atol=1e-5)
