"""Modes where they should be, and samples around them, within standard errors."""

import jax
import numpy as np
import pytest
from scipy.stats import chisquare

from jaxgen.data.mixtures import lattice, mixture_samples, ring

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


@pytest.fixture(scope="module", params=[ring(8, 2.0, 0.02), lattice(5, 2.0, 0.05)])
def drawn(request):
    """A mixture, samples of it, and the mode of each."""
    draw = jax.jit(lambda key: mixture_samples(request.param, key, COUNT))
    samples = np.asarray(draw(jax.random.key(1)), np.float64)
    distances = np.linalg.norm(samples[:, None] - request.param.means, axis=-1)
    return request.param, samples, distances.argmin(1)


def test_modes_are_equally_likely(drawn):
    mixture, _, modes = drawn
    assert chisquare(np.bincount(modes, minlength=len(mixture.means))).pvalue > 1e-4


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
