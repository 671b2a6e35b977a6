"""Fréchet distance against closed forms and a matrix square root in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxgen.metrics.frechet import (
    Moments,
    covariance,
    frechet_distance,
    merged,
    moments,
)

DISTANCE = jax.jit(lambda x, y: frechet_distance(moments(x), moments(y)))


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def brute(x, y):
    x, y = x.astype(np.float64), y.astype(np.float64)
    first, second = np.cov(x.T), np.cov(y.T)
    root = scipy.linalg.sqrtm(first @ second).real
    apart = ((x.mean(0) - y.mean(0)) ** 2).sum()
    return apart + np.trace(first + second - 2 * root)


REAL, FAKE = normal(0, 300, 16), normal(1, 300, 16) @ normal(2, 16, 16) / 3 + 0.5


def test_distance_is_that_of_the_matrix_square_root():
    np.testing.assert_allclose(DISTANCE(REAL, FAKE), brute(REAL, FAKE), rtol=1e-5)


def test_distance_of_diagonal_gaussians():
    first, second = np.arange(1.0, 5.0), np.array([4.0, 0.0, 1.0, 9.0])
    shift = np.array([1.0, -2.0, 0.0, 0.5])
    make = [
        Moments(
            jnp.array(11), jnp.asarray(m, jnp.float32), jnp.diag(jnp.float32(10 * s))
        )
        for m, s in ((np.zeros(4), first), (shift, second))
    ]
    expected = (shift**2).sum() + ((np.sqrt(first) - np.sqrt(second)) ** 2).sum()
    np.testing.assert_allclose(frechet_distance(*make), expected, rtol=1e-6)


def test_distance_is_symmetric_and_follows_translations():
    forth, back = DISTANCE(REAL, FAKE), DISTANCE(FAKE, REAL)
    np.testing.assert_allclose(forth, back, rtol=1e-5)
    np.testing.assert_allclose(DISTANCE(REAL + 100, FAKE + 100), forth, rtol=1e-4)


def test_equal_sets_are_at_distance_zero():
    assert 0 <= float(DISTANCE(REAL, REAL[::-1])) < 1e-4
    few = normal(3, 20, 64)  # fewer samples than features: rounding must not add up
    same = frechet_distance(moments(few), moments(few))
    assert 0 <= float(same) < 1e-3


@pytest.mark.parametrize("point", [0.0, 0.1])
def test_a_repeated_point_is_at_a_finite_distance(point):
    fake = np.full_like(REAL, point)
    expected = ((REAL.mean(0) - point) ** 2).sum() + np.trace(np.cov(REAL.T))
    np.testing.assert_allclose(DISTANCE(REAL, fake), expected, rtol=1e-5)
    assert float(DISTANCE(fake, fake)) == 0.0


@pytest.mark.parametrize("cuts", [[1], [150], [10, 11, 200]])
def test_merging_any_split_equals_the_whole(cuts):
    far = REAL + 50
    parts = functools.reduce(merged, map(moments, np.split(far, cuts)))
    assert int(parts.count) == 300
    np.testing.assert_allclose(parts.mean, far.astype(float).mean(0), rtol=1e-6)
    np.testing.assert_allclose(covariance(parts), np.cov(far.T), atol=2e-5)


def test_merging_is_associative():
    a, b, c = map(moments, np.split(REAL, [30, 130]))
    left, right = merged(merged(a, b), c), merged(a, merged(b, c))
    for one, other in zip(left, right, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match="features has 0 rows"):
        moments(np.zeros((0, 3), np.float32))
    with pytest.raises(ValueError, match="b has 3 features and a 16"):
        frechet_distance(moments(REAL), moments(np.zeros((4, 3), np.float32)))


def test_distance_is_that_of_torchmetrics():
    torch = pytest.importorskip("torch")
    fid = pytest.importorskip("torchmetrics.image.fid")
    features = torch.nn.Flatten()
    features.num_features = 16
    metric = fid.FrechetInceptionDistance(feature=features, normalize=True)
    metric.update(torch.tensor(REAL), real=True)
    metric.update(torch.tensor(FAKE), real=False)
    np.testing.assert_allclose(DISTANCE(REAL, FAKE), metric.compute(), rtol=1e-4)
