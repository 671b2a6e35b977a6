"""Modes where they should be, and samples around them, within standard errors."""

import jax
import numpy as np
import pytest
from scipy.stats import chisquare

from jaxgen.data.mixtures import lattice, mixture_samples, overlapping_ring, ring

COUNT = 20_000


@pytest.mark.parametrize("modes", [1, 3, 8])
def test_a_ring_lies_on_its_circle_at_equal_angles(modes):
    means = ring(modes, 2.5, 0.1).means
    roots = means[:, 0] + 1j * means[:, 1]
    # the modes are the roots of z^modes = radius^modes
    np.testing.assert_allclose(roots**modes, 2.5**modes, rtol=1e-5)
    assert len(np.unique(roots.round(3))) == modes
    np.testing.assert_allclose(means[0], [2.5, 0.0])
    assert means.shape == (modes, 2) and means.dtype == np.float32


@pytest.mark.parametrize("side", [1, 4, 5])
def test_a_lattice_is_square_and_centred(side):
    means = lattice(side, 2.0, 0.05).means
    expected = {
        (2.0 * i - side + 1.0, 2.0 * j - side + 1.0)
        for i in range(side)
        for j in range(side)
    }
    assert set(map(tuple, means.tolist())) == expected
    assert means.shape == (side**2, 2) and means.dtype == np.float32


def test_both_ends_of_the_angles_are_one_mode_of_double_weight():
    angles = np.linspace(0, 2 * np.pi, 8)
    points = 3.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    means, sigma, weights = overlapping_ring(8, 3.0, 0.1)
    np.testing.assert_allclose(means, points[:7], atol=1e-6)
    np.testing.assert_allclose(points[7], points[0], atol=1e-6)
    assert sigma == 0.1 and weights.sum() == 1


MIXTURES = [ring(8, 2.0, 0.02), lattice(5, 2.0, 0.05), overlapping_ring(8, 2.0, 0.02)]


@pytest.fixture(scope="module", params=MIXTURES)
def drawn(request):
    """A mixture, samples of it, and the mode of each."""
    draw = jax.jit(lambda key: mixture_samples(request.param, key, COUNT))
    samples = np.asarray(draw(jax.random.key(1)), np.float64)
    distances = np.linalg.norm(samples[:, None] - request.param.means, axis=-1)
    return request.param, samples, distances.argmin(1)


def test_modes_are_as_likely_as_their_weights(drawn):
    mixture, _, modes = drawn
    count = len(mixture.means)
    weights = np.full(count, 1 / count) if mixture.weights is None else mixture.weights
    seen = np.bincount(modes, minlength=count)
    assert chisquare(seen, COUNT * np.float64(weights)).pvalue > 1e-4


def test_samples_are_round_about_their_modes(drawn):
    mixture, samples, modes = drawn
    for mode, mean in enumerate(mixture.means):
        noise = samples[modes == mode] - mean
        error = mixture.sigma / np.sqrt(len(noise))
        assert np.abs(noise.mean(0)).max() < 4.5 * error
        assert np.abs(noise.std(0) - mixture.sigma).max() < 4.5 * error / np.sqrt(2)
        correlation = np.corrcoef(noise.T)[0, 1]
        assert abs(correlation) < 4.5 / np.sqrt(len(noise))


def test_the_mode_says_nothing_about_the_noise(drawn):
    mixture, samples, modes = drawn
    noise = (samples - mixture.means[modes]) / mixture.sigma
    correlations = np.corrcoef(mixture.means[modes].T, noise.T)[:2, 2:]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(COUNT)
